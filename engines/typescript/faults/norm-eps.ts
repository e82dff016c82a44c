import { layers, mapElements, norm, part, visionEmbedder } from "./model-parts.ts";
import type { RMSNorm } from "../layers/normalization.ts";
import type { PlantedFault } from "./planted.ts";

const category = "norm-eps";

export const epsHardcoded: PlantedFault = {
  id: "fastdeploy-eps-hardcoded",
  title: "eps 1e-6 in one norm whatever the config says",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.5.input_layernorm:out`,
  model(model) {
    norm(model, 5, "input_layernorm").eps = 1e-6;
  },
};

export const keyNormEps: PlantedFault = {
  id: "mlx-dsv2-latent-norm-eps",
  title: "the norm of the keys made with its class's default eps 1e-5",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.3.self_attn.k_norm:out`,
  model(model) {
    norm(model, 3, "self_attn.k_norm").eps = 1e-5;
  },
};

export const configEpsIgnored: PlantedFault = {
  id: "eps-default-everywhere",
  title: "rms_norm_eps of the text config not read, the class's default 1e-6 used",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.0.input_layernorm:out`,
  config(config) {
    delete (config["text_config"] as Record<string, unknown>)["rms_norm_eps"];
    return config;
  },
};

export const finalNormEps: PlantedFault = {
  id: "final-norm-eps",
  title: "the final norm made with eps 1e-5",
  category,
  case: "gemma4_unified/decode",
  at: "model.language_model.norm:out",
  model(model) {
    part<RMSNorm>(model, "model.language_model.norm").eps = 1e-5;
  },
};

export const epsOfSum: PlantedFault = {
  id: "kimi-l2norm-eps",
  title: "eps added to the sum of squares in place of their mean, as an L2 norm does",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.4.self_attn.v_norm:out`,
  model(model) {
    const v_norm = norm(model, 4, "self_attn.v_norm");
    v_norm.eps /= v_norm.dim;
  },
};

export const epsOutsideRoot: PlantedFault = {
  id: "eps-outside-root",
  title: "eps added to the root mean square in place of the mean square",
  category,
  case: "gemma4_unified/text",
  at: `${layers}.2.post_feedforward_layernorm:out`,
  model(model) {
    const post_norm = norm(model, 2, "post_feedforward_layernorm");
    const { eps, dim } = post_norm;
    post_norm._norm = (hidden_states) => {
      const { data } = hidden_states;
      const rms = (row: number): number =>
        Math.sqrt(data!.subarray(row * dim, (row + 1) * dim).reduce((sum, x) => sum + x * x, 0) / dim);
      return mapElements(hidden_states, (value, index) => value / (rms(Math.floor(index / dim)) + eps));
    };
  },
};

export const patchNormEps: PlantedFault = {
  id: "patch-layernorm-eps",
  title: "the layer norm of the patches made with the RMS norms' eps in place of PyTorch's 1e-5",
  category,
  case: "gemma4_unified/image",
  at: "model.embed_vision.patch_ln2:out",
  model(model) {
    const embedder = visionEmbedder(model);
    embedder.patch_ln2.eps = embedder.multimodal_embedder.embedding_pre_projection_norm.eps;
  },
};

export const audioNormEpsOfText: PlantedFault = {
  id: "audio-eps-from-text-config",
  title: "the norm of the audio embedder made with the text config's eps",
  category,
  case: "gemma4_unified/audio",
  at: "model.embed_audio.embedding_pre_projection_norm:out",
  scopeConfig(scope, config) {
    if (scope !== "model") return config;
    const [text, audio] = [config["text_config"], config["audio_config"]] as Record<string, unknown>[];
    return { ...config, audio_config: { ...audio, rms_norm_eps: text!["rms_norm_eps"] } };
  },
};
