import { indexTensor } from "../tensor/tensor.ts";
import { causalModel, change, layers, maskOfLayer } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "chunked-prefill";

export const chunkSeesItself: PlantedFault = {
  id: "chunk-attends-only-itself",
  title: "a later chunk does not see the chunks before it",
  category,
  case: "gemma4_unified/chunked",
  at: `${layers}.8.self_attn#mask`,
  phase: "chunk:1",
  model(model) {
    maskOfLayer(model, 8, (masks, request) => {
      const start = request.cache?.seq_length ?? 0;
      return masks.create_mask(request, "full", (_, q, k) => k <= q && k >= start);
    });
  },
};

export const chunkOneTokenEarly: PlantedFault = {
  id: "mlx-chunk-embeds",
  title: "later chunks of a chunked prefill begin one token too early",
  category,
  case: "gemma4_unified/chunked",
  at: "model:in",
  phase: "chunk:1",
  model(model) {
    let last = 0;
    change(causalModel(model), "forward", (right) => (input_ids, inputs) => {
      const { shape, data } = input_ids;
      const start = inputs.cache?.seq_length ?? 0;
      const early = data.map((id, index) => (start === 0 ? id : (data[index - 1] ?? last)));
      last = data.at(-1)!;
      return right(indexTensor(shape, early), inputs);
    });
  },
};
