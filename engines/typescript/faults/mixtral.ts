/** Faults of mixtral ports: which experts, with what weight, and in what order. */
import type { ExpertIndices } from "../layers/router.ts";
import type { MixtralSparseMoeBlock } from "../models/mixtral.ts";
import { add } from "../tensor/elementwise.ts";
import { slice } from "../tensor/layout.ts";
import { change, mapElements, part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "mixtral";

export const weightsNotNormalised: PlantedFault = {
  id: "mixtral-top-k-not-renormalised",
  title: "the probabilities of the chosen experts as they are, summing to less than 1",
  category,
  case: "mixtral/chunked",
  at: `${textOnlyLayers}.1.mlp.gate:out.1`,
  model(model) {
    part<MixtralSparseMoeBlock>(model, `${textOnlyLayers}.1.mlp`).gate.normalize = (weights) => weights;
  },
};

export const gateAndUpSwapped: PlantedFault = {
  id: "mixtral-w1-w3-swapped",
  title: "w3 taken for the gate and w1 for the up projection when experts are fused",
  category,
  case: "mixtral/chunked",
  at: `${textOnlyLayers}.0.mlp.experts:out`,
  model(model) {
    change(part<MixtralSparseMoeBlock>(model, `${textOnlyLayers}.0.mlp`).experts, "chunk", (right) => (gate_up) => {
      const [gate, up] = right(gate_up);
      return [up, gate];
    });
  },
};

export const weightsOnInputs: PlantedFault = {
  id: "mixtral-router-weight-on-input",
  title: "router weights multiplied into what the experts read, as llama4 does, not into what they return",
  category,
  case: "mixtral/chunked",
  at: `${textOnlyLayers}.1.mlp.experts:out`,
  model(model) {
    const { experts } = part<MixtralSparseMoeBlock>(model, `${textOnlyLayers}.1.mlp`);
    change(experts, "forward", (right) => (hidden_states, top_k_index, top_k_weights) => {
      const width = hidden_states.size(1);
      return Array.from({ length: top_k_index.size(1) }, (_, j) => {
        const weights = slice(top_k_weights, 1, j, j + 1);
        const weighted = mapElements(hidden_states, (value, i) => value * weights.data![Math.floor(i / width)]!);
        const ones = mapElements(weights, () => 1);
        return right(weighted, slice<Int32Array, ExpertIndices>(top_k_index, 1, j, j + 1), ones);
      }).reduce(add);
    });
  },
};

export const expertsOfNextRank: PlantedFault = {
  id: "mixtral-expert-parallel-offset",
  title: "the experts of one layer counted from 1, as the local numbers of an expert-parallel rank are",
  category,
  case: "mixtral/chunked",
  at: `${textOnlyLayers}.0.mlp.experts:out`,
  model(model) {
    const { experts } = part<MixtralSparseMoeBlock>(model, `${textOnlyLayers}.0.mlp`);
    change(experts, "expert", (right) => (states, index) => right(states, (index + 1) % experts.num_experts));
  },
};

export const capacity: PlantedFault = {
  id: "mixtral-expert-capacity",
  title:
    "an expert takes no more tokens than its even share of the batch, as in training; the others get nothing from it",
  category,
  case: "mixtral/chunked",
  at: `${textOnlyLayers}.1.mlp.experts:out`,
  model(model) {
    const { experts } = part<MixtralSparseMoeBlock>(model, `${textOnlyLayers}.1.mlp`);
    change(experts, "forward", (right) => (hidden_states, top_k_index, top_k_weights) => {
      const share = Math.ceil((hidden_states.rows * top_k_index.size(1)) / experts.num_experts);
      const taken = new Array<number>(experts.num_experts).fill(0);
      const kept = mapElements(top_k_weights, (weight, place) => {
        const expert = top_k_index.data![place]!;
        taken[expert]! += 1;
        return taken[expert]! <= share ? weight : 0;
      });
      return right(hidden_states, top_k_index, kept);
    });
  },
};

export const causes = {
  "mixtral-top-k-not-renormalised": "routing/weights softmax x 1$",
  "mixtral-w1-w3-swapped": "chunk.*reverse",
  "mixtral-expert-capacity": "7-9, 12-13 of axis 0",
};
