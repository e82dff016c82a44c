/** Faults of phi3 ports: fused projections and a partial rope. */
import { compute_default_rope_parameters } from "../layers/rope_init.ts";
import type { Phi3Attention, Phi3MLP, Phi3RotaryEmbedding } from "../models/phi3.ts";
import { change, mapElements, part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "phi3";

export const wholeHeadRotated: PlantedFault = {
  id: "sglang-phi4-partial",
  title: "the whole head rotated, whatever partial_rotary_factor says",
  category,
  case: "phi3/chunked",
  at: "model.rotary_emb:out",
  model(model) {
    const rotary_emb = part<Phi3RotaryEmbedding>(model, "model.rotary_emb");
    rotary_emb.update = () => {};
    rotary_emb.rope = compute_default_rope_parameters(rotary_emb.rope_parameters, rotary_emb.head_dim);
  },
};

export const factorOnPassThrough: PlantedFault = {
  id: "phi3-attention-factor-on-pass-through",
  title: "the attention factor multiplied into the channels behind the partial rope, too",
  category,
  case: "phi3/chunked",
  at: `${textOnlyLayers}.1.self_attn#q_rope`,
  model(model) {
    const { rope } = part<Phi3RotaryEmbedding>(model, "model.rotary_emb");
    change(
      part<Phi3Attention>(model, `${textOnlyLayers}.1.self_attn`),
      "apply_rotary_pos_emb",
      (right) =>
        (...inputs) => {
          const [dim, rotary_dim] = [inputs[0].size(3), inputs[1].size(2)];
          return mapElements(right(...inputs), (value, i) =>
            i % dim < rotary_dim ? value : value * rope.attention_scaling,
          );
        },
    );
  },
};

export const gateAndUpSwapped: PlantedFault = {
  id: "phi3-gate-up-swapped",
  title: "gate_up_proj split as up and gate",
  category,
  case: "phi3/chunked",
  at: `${textOnlyLayers}.0.mlp.activation_fn:in`,
  model(model) {
    change(part<Phi3MLP>(model, `${textOnlyLayers}.0.mlp`), "chunk", (right) => (states) => {
      const [gate, up_states] = right(states);
      return [up_states, gate];
    });
  },
};

export const keysAndValuesSwapped: PlantedFault = {
  id: "phi3-qkv-order",
  title: "qkv_proj split as queries, values and keys",
  category,
  case: "phi3/chunked",
  at: `${textOnlyLayers}.1.self_attn#k_rope`,
  model(model) {
    change(part<Phi3Attention>(model, `${textOnlyLayers}.1.self_attn`), "split", (right) => (qkv) => {
      const [query, key, value] = right(qkv);
      return [query, value, key];
    });
  },
};

export const causes = {
  "phi3-attention-factor-on-pass-through": "4-7 of axis 3",
  "phi3-gate-up-swapped": "chunk.*reverse",
  "phi3-qkv-order": "getitem:end",
};
