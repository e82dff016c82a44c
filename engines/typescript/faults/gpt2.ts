/** Faults of gpt2 ports. */
import type { Conv1D, Embedding } from "../layers/linear.ts";
import type { GPT2Attention } from "../models/gpt2.ts";
import { indexTensor } from "../tensor/tensor.ts";
import { change, part, pick } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "gpt2";

export const weightTransposed: PlantedFault = {
  id: "gpt2-conv1d-as-linear",
  title: "the square weight of a Conv1D read as that of a Linear",
  category,
  case: "gpt2/chunked",
  at: "transformer.h.1.attn.c_proj:out",
  model(model) {
    const c_proj = part<Conv1D>(model, "transformer.h.1.attn.c_proj");
    const width = c_proj.weight.size(0);
    c_proj.weight = pick(c_proj.weight, (i) => (i % width) * width + Math.floor(i / width));
  },
};

export const scaleOfLayerMissing: PlantedFault = {
  id: "gpt2-scale-by-layer-missing",
  title: "scores not divided by the number of the layer",
  category,
  case: "gpt2/chunked",
  at: "transformer.h.1.attn#scores",
  model(model) {
    const attn = part<GPT2Attention>(model, "transformer.h.1.attn");
    attn.scaling = attn.head_dim ** -0.5;
  },
};

export const positionsShifted: PlantedFault = {
  id: "gpt2-positions-of-opt",
  title: "learned positions read from row 2 on, as in opt",
  category,
  case: "gpt2/chunked",
  at: "transformer.wpe:out",
  model(model) {
    change(
      part<Embedding>(model, "transformer.wpe"),
      "forward",
      (right) =>
        ({ shape, data }) =>
          right(
            indexTensor(
              shape,
              data.map((position) => position + 2),
            ),
          ),
    );
  },
};

export const causes = {
  "gpt2-scale-by-layer-missing": "scalar/.*mul=0\\.3536",
  "gpt2-conv1d-as-linear": "weight: transposed",
};
