/** Faults confined to one head, channel, token, sequence or vocabulary entry, which a mean over the tensor hides. */
import { attention, change, layer, layers, linear, mapElements, part } from "./model-parts.ts";
import type { Linear } from "../layers/linear.ts";
import { mul } from "../tensor/elementwise.ts";
import { roundedTensor } from "../tensor/tensor.ts";
import type { PlantedFault } from "./planted.ts";

const category = "one-of-many";

export const headZeroed: PlantedFault = {
  id: "one-head-zeroed",
  title: "one attention head never written",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.self_attn#context`,
  model(model) {
    change(attention(model, 5).attention, "compute_context", (right) => (probs, value) => {
      const context = right(probs, value); // [B, S, heads, D]
      const [heads, dim] = [context.size(2), context.size(3)];
      return mapElements(context, (x, index) => (Math.floor(index / dim) % heads === 2 ? 0 : x));
    });
  },
};

export const channelWrong: PlantedFault = {
  id: "one-channel-wrong",
  title: "one output channel of down_proj 1 % too large",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.mlp.down_proj:out`,
  model(model) {
    change(
      linear(model, 3, "mlp.down_proj"),
      "forward",
      (right) => (x) => mapElements(right(x), (value, index) => (index % 40 === 17 ? value * 1.01 : value)),
    );
  },
};

export const tokenWrong: PlantedFault = {
  id: "one-token-wrong",
  title: "the last token of a tile of 16 multiplied with a stale row",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.self_attn.q_proj:out`,
  model(model) {
    change(linear(model, 6, "self_attn.q_proj"), "forward", (right) => (x) => {
      const out = right(x);
      const width = out.size(-1);
      return mapElements(out, (value, i) => (Math.floor(i / width) === 15 ? out.data![i - width]! : value));
    });
  },
};

export const sequenceWrong: PlantedFault = {
  id: "one-sequence-wrong",
  title: "the last sequence of a batch read with the first sequence's gate",
  category,
  case: "gemma4_unified/left_padded",
  at: `${layers}.4.mlp.act_fn:out`,
  model(model) {
    change(layer(model, 4).mlp.act_fn, "forward", (right) => (x) => {
      const gate = right(x);
      const sequence = gate.size(1) * gate.size(2);
      return mapElements(gate, (value, index) => (index >= 2 * sequence ? gate.data![index % sequence]! : value));
    });
  },
};

export const lastColumnDropped: PlantedFault = {
  id: "kernel-tail-dropped",
  title: "a kernel that works in blocks of 8 drops the tail of the sum over 20 channels",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.7.self_attn#scores`,
  model(model) {
    change(
      attention(model, 7).attention,
      "compute_scores",
      (right) => (query, key) =>
        right(
          mapElements(query, (value, index) => (index % 20 < 16 ? value : 0)),
          key,
        ),
    );
  },
};

export const outlierClipped: PlantedFault = {
  id: "one-outlier-clipped",
  title: "the largest value of a tensor clipped to the second largest",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.2.mlp.down_proj:in`,
  model(model) {
    const { mlp } = layer(model, 2);
    mlp.forward = (x) => {
      const product = mul(mlp.act_fn.call(mlp.gate_proj.call(x)), mlp.up_proj.call(x));
      const [largest = 0, second = 0] = [...(product.data ?? [])].toSorted((a, b) => b - a);
      return mlp.down_proj.call(mapElements(product, (value) => (value === largest ? second : value)));
    };
  },
};

export const vocabularyRow: PlantedFault = {
  id: "one-vocabulary-row",
  title: "the logit of the last vocabulary entry never written",
  category,
  case: "gemma4_unified/text",
  at: "lm_head:out",
  model(model) {
    change(
      part<Linear>(model, "lm_head"),
      "forward",
      (right) => (x) => mapElements(right(x), (logit, index) => (index % 193 === 192 ? 0 : logit)),
    );
  },
};

export const lastQueryWrong: PlantedFault = {
  id: "one-probability-row",
  title: "the probabilities of one head's last query left unnormalised",
  category,
  case: "gemma4_unified/image",
  at: `${layers}.8.self_attn#probs`,
  model(model) {
    change(attention(model, 8).attention, "compute_probs", (right) => (scores) => {
      const probs = right(scores); // [B, heads, S, T]
      const [head, row] = [probs.size(2) * probs.size(3), probs.size(3)];
      const data = probs.data?.map((p, index) => (index >= head - row && index < head ? p * 1.5 : p));
      return roundedTensor(probs.shape, data ?? null, probs.dtype);
    });
  },
};

export const rowNan: PlantedFault = {
  id: "one-row-nan",
  title: "the probabilities of one query 0 / 0: a row of NaN",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.self_attn#probs`,
  model(model) {
    change(
      attention(model, 3).attention,
      "compute_probs",
      (right) => (scores) => mapElements(right(scores), (p, index) => (index < scores.size(-1) ? NaN : p)),
    );
  },
};
