import { indexTensor } from "../tensor/tensor.ts";
import type { BuiltModel } from "../fault.ts";
import { causalModel, change, layers, rotateWith, textModel } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "positions";
/** The site where a fault of both rotary tables shows first: the reference makes the table of full layers first. */
const rotated = "model.language_model.rotary_emb:out@full_attention";

/** The tokens of a forward, and where it begins. */
interface Forward {
  readonly input_ids: Int32Array;
  /** Tokens seen by the cache before this forward. */
  readonly start: number;
}

/** Changes the positions that a forward rotates with, after they were made right. */
function changePositions(model: BuiltModel, faulty: (forward: Forward, positions: Int32Array) => Int32Array): void {
  change(causalModel(model), "forward", (right) => (input_ids, inputs) => {
    const forward = { input_ids: input_ids.data, start: inputs.cache?.seq_length ?? 0 };
    const { shape, data } = inputs.position_ids;
    return right(input_ids, { ...inputs, position_ids: indexTensor(shape, faulty(forward, data)) });
  });
}

export const paddingTakesPositions: PlantedFault = {
  id: "unsloth-leftpad-pos",
  title: "positions count padding on the left",
  category,
  case: "gemma4_unified/left_padded",
  at: "inputs#position_ids",
  model({ root }) {
    root.create_position_ids = ({ shape, data }) =>
      indexTensor(
        shape,
        data.map((_, index) => index % shape[1]!),
      );
  },
};

export const rowOffsetMissing: PlantedFault = {
  id: "exl2-pad-mask-pos",
  title: "one layer rotates every sequence of a batch with the positions of the first",
  category,
  case: "gemma4_unified/left_padded",
  at: `${layers}.4.self_attn#q_rope`,
  model(model) {
    const init = textModel(model).rotary_emb.rope["full_attention"]!;
    rotateWith(model, 4, init, (position_ids, tokens) => position_ids.map((_, index) => position_ids[index % tokens]!));
  },
};

export const positionsFromOne: PlantedFault = {
  id: "positions-from-one",
  title: "positions count from 1",
  category,
  case: "gemma4_unified/text",
  at: "inputs#position_ids",
  model({ root }) {
    change(root, "create_position_ids", (right) => (attention_mask, request) => {
      const { shape, data } = right(attention_mask, request);
      return indexTensor(
        shape,
        data.map((position) => position + 1),
      );
    });
  },
};

export const decodeOffByOne: PlantedFault = {
  id: "decode-position-off-by-one",
  title: "decode steps rotate with the position after their own",
  category,
  case: "gemma4_unified/decode",
  at: rotated,
  phase: "decode:1",
  model(model) {
    changePositions(model, ({ input_ids }, positions) =>
      input_ids.length === 1 ? positions.map((position) => position + 1) : positions,
    );
  },
};

export const chunkRestarts: PlantedFault = {
  id: "positions-restart-per-chunk",
  title: "every chunk of a chunked prefill rotates from position 0",
  category,
  case: "gemma4_unified/chunked",
  at: rotated,
  phase: "chunk:1",
  model(model) {
    changePositions(model, ({ start }, positions) => positions.map((position) => position - start));
  },
};

export const shiftAfterImage: PlantedFault = {
  id: "vllm-omni-mrope-shift",
  title: "positions behind an image one too far",
  category,
  case: "gemma4_unified/image",
  at: rotated,
  model(model) {
    changePositions(model, ({ input_ids }, positions) => {
      const last = input_ids.lastIndexOf(180);
      return positions.map((position, index) => (last >= 0 && index > last ? position + 1 : position));
    });
  },
};

export const imageSharesPosition: PlantedFault = {
  id: "image-tokens-share-position",
  title: "all tokens of an image rotate with the position of the first, as the time axis of an M-RoPE does",
  category,
  case: "gemma4_unified/two_images",
  at: rotated,
  model(model) {
    changePositions(model, ({ input_ids }, positions) => {
      let first = 0;
      return positions.map((position, index) => {
        if (input_ids[index] !== 180) return position;
        if (input_ids[index - 1] !== 180) first = position;
        return first;
      });
    });
  },
};

export const decodeFromCacheLength: PlantedFault = {
  id: "decode-position-from-window",
  title: "decode steps rotate with the number of cached tokens of a sliding layer, which stops growing at the window",
  category,
  case: "gemma4_unified/decode",
  at: rotated,
  phase: "decode:3",
  model(model) {
    changePositions(model, ({ input_ids, start }, positions) =>
      input_ids.length === 1 ? positions.map(() => Math.min(start, 7)) : positions,
    );
  },
};

export const decodePadding: PlantedFault = {
  id: "decode-position-ignores-padding",
  title: "decode steps of a left-padded batch rotate with the length of the padded sequence",
  category,
  case: "gemma4_unified/left_padded",
  at: rotated,
  phase: "decode:1",
  model(model) {
    changePositions(model, ({ start }, positions) => (start > 0 ? positions.map(() => start) : positions));
  },
};
