import { mul } from "../tensor/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { change, layer, layers, linear, mapElements, pickRows } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "mlp";

export const activationOnUp: PlantedFault = {
  id: "activation-on-up",
  title: "the activation applied to up_proj's output, gate_proj's left linear",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.1.mlp.act_fn:in`,
  model(model) {
    const { mlp } = layer(model, 1);
    mlp.forward = (x) => {
      const gate = mlp.gate_proj.call(x);
      return mlp.down_proj.call(mul(mlp.act_fn.call(mlp.up_proj.call(x)), gate));
    };
  },
};

export const gateUpSwapped: PlantedFault = {
  id: "gate-up-swapped",
  title: "a fused gate_up weight split into up and gate",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.mlp.gate_proj:out`,
  model(model) {
    const { mlp } = layer(model, 4);
    [mlp.gate_proj.weight, mlp.up_proj.weight] = [mlp.up_proj.weight, mlp.gate_proj.weight];
  },
};

/**
 * Rows of `gate` and `up` [intermediate, hidden_size] as they lie in the fused weight: `row(i)` counts gate's rows,
 * then up's.
 */
function pickFused(gate: Tensor, up: Tensor, row: (index: number) => number): Tensor {
  const [rows, width] = [gate.size(0), gate.size(1)];
  return mapElements(gate, (_, index) => {
    const source = row(Math.floor(index / width));
    return (source < rows ? gate : up).data![(source % rows) * width + (index % width)]!;
  });
}

export const gateUpInterleaved: PlantedFault = {
  id: "vllm-gptoss-interleaved",
  title: "a fused gate_up weight read as alternating rows where it holds two halves",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.mlp.gate_proj:out`,
  model(model) {
    const { gate_proj, up_proj } = layer(model, 3).mlp;
    const [gate, up] = [gate_proj.weight, up_proj.weight];
    gate_proj.weight = pickFused(gate, up, (row) => 2 * row);
    up_proj.weight = pickFused(gate, up, (row) => 2 * row + 1);
  },
};

export const wideHalvesSwapped: PlantedFault = {
  id: "double-wide-halves-swapped",
  title: "the halves of the double-wide gate_proj swapped, those of up_proj and down_proj not",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.6.mlp.gate_proj:out`,
  model(model) {
    const gate = linear(model, 6, "mlp.gate_proj");
    const rows = gate.weight.size(0);
    gate.weight = pickRows(gate.weight, (row) => (row + rows / 2) % rows);
  },
};

export const wideIgnored: PlantedFault = {
  id: "double-wide-ignored",
  title: "the MLP of a layer with shared keys computes only the first intermediate_size channels of the double width",
  category,
  case: "gemma4_unified/decode",
  at: `${layers}.7.mlp.down_proj:in`,
  model(model) {
    const { mlp } = layer(model, 7);
    change(mlp, "forward", () => (x) => {
      const product = mul(mlp.act_fn.call(mlp.gate_proj.call(x)), mlp.up_proj.call(x));
      const width = product.size(-1);
      return mlp.down_proj.call(mapElements(product, (value, index) => (index % width < width / 2 ? value : 0)));
    });
  },
};

export const gateAsUp: PlantedFault = {
  id: "gate-used-twice",
  title: "up_proj's output replaced by gate_proj's in the product",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.2.mlp.down_proj:in`,
  model(model) {
    const { mlp } = layer(model, 2);
    mlp.forward = (x) => {
      const gate = mlp.gate_proj.call(x);
      const act = mlp.act_fn.call(gate);
      mlp.up_proj.call(x);
      return mlp.down_proj.call(mul(act, gate));
    };
  },
};
