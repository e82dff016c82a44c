/** Faults of cohere2 ports. */
import { apply_rotary_pos_emb } from "../layers/rotary_embedding.ts";
import type { Cohere2Attention, Cohere2DecoderLayer, Cohere2ForCausalLM } from "../models/cohere2.ts";
import { add } from "../tensor/elementwise.ts";
import { part, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "cohere2";

export const halvesRotated: PlantedFault = {
  id: "cohere2-half-rope",
  title: "channels (i, i + D / 2) rotated with the tables of an interleaved rope",
  category,
  case: "cohere2/chunked",
  at: `${textOnlyLayers}.1.self_attn#q_rope`,
  model(model) {
    part<Cohere2Attention>(model, `${textOnlyLayers}.1.self_attn`).apply_rotary_pos_emb = apply_rotary_pos_emb;
  },
};

export const fullLayersRotated: PlantedFault = {
  id: "cohere2-rope-on-full-layers",
  title: "full-attention layers rotated like sliding ones",
  category,
  case: "cohere2/chunked",
  at: `${textOnlyLayers}.0.self_attn#q_rope`,
  model(model) {
    part<Cohere2Attention>(model, `${textOnlyLayers}.0.self_attn`).layer_type = "sliding_attention";
  },
};

export const serialResidual: PlantedFault = {
  id: "cohere2-serial-block",
  title: "attention and MLP one after the other, not side by side",
  category,
  case: "cohere2/chunked",
  at: `${textOnlyLayers}.1.mlp:in`,
  model(model) {
    const at = part<Cohere2DecoderLayer>(model, `${textOnlyLayers}.1`);
    at.forward = (residual, inputs) => {
      const hidden_states = add(residual, at.self_attn.call(at.input_layernorm.call(residual), inputs));
      return add(hidden_states, at.mlp.call(hidden_states));
    };
  },
};

export const logitsNotScaled: PlantedFault = {
  id: "cohere2-logit-scale-missing",
  title: "logits without logit_scale",
  category,
  case: "cohere2/chunked",
  at: "logits",
  model({ root }) {
    (root as Cohere2ForCausalLM).logit_scale = 1;
  },
};

export const causes = {
  "cohere2-rope-on-full-layers": "rope/",
  "cohere2-logit-scale-missing": "mul",
  "cohere2-serial-block": "o_proj:out",
};
