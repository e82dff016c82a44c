/** Faults of gpt_oss ports: sinks, the clamped SwiGLU, and what its experts store in another order. */
import type { GptOssAttention, GptOssMLP } from "../models/gpt_oss.ts";
import { reshape } from "../tensor/layout.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { change, mapElements, part, pickChannels, textOnlyLayers } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "gpt_oss";

export const sinksDroppedInDecode: PlantedFault = {
  id: "imp-sinks-decode-dropped",
  title: "the decode kernel of one layer knows no sinks: with a single query, probabilities sum to 1",
  category,
  case: "gpt_oss/chunked",
  at: `${textOnlyLayers}.1.self_attn#probs`,
  phase: "decode:1",
  model(model) {
    const { attention } = part<GptOssAttention>(model, `${textOnlyLayers}.1.self_attn`);
    change(attention, "compute_probs", (right) => (scores) => {
      const { sinks } = attention;
      if (scores.size(2) === 1) attention.sinks = mapElements(sinks!, () => -1e30);
      const probs = right(scores);
      attention.sinks = sinks;
      return probs;
    });
  },
};

export const sinkOfRow: PlantedFault = {
  id: "modular-sinks-head-index",
  title: "the sink of a row of scores [heads x queries] is looked up by the row's number modulo heads",
  category,
  case: "gpt_oss/chunked",
  at: `${textOnlyLayers}.0.self_attn#probs`,
  model(model) {
    const { attention } = part<GptOssAttention>(model, `${textOnlyLayers}.0.self_attn`);
    change(attention, "compute_probs", (right) => (scores) => {
      const [sinks, heads] = [attention.sinks!, attention.num_heads];
      // The right kernel over [1, heads * queries, 1, keys] and one sink per row.
      const flat = reshape(scores, [1, -1, 1, scores.size(3)]);
      const rows = flat.size(1);
      attention.sinks = floatTensor(
        [rows],
        sinks.data && Float32Array.from({ length: rows }, (_, row) => sinks.data![row % heads]!),
      );
      const probs = right(flat);
      attention.sinks = sinks;
      return reshape(probs, scores.shape);
    });
  },
};

export const notClamped: PlantedFault = {
  id: "gpt-oss-swiglu-not-clamped",
  title: "swiglu_limit not read: gates and ups are not clamped",
  category,
  case: "gpt_oss/chunked",
  at: `${textOnlyLayers}.0.mlp.experts:out`,
  config: (config) => ({ ...config, swiglu_limit: 1e4 }),
};

export const upPlusOneMissing: PlantedFault = {
  id: "gpt-oss-up-plus-one-missing",
  title: "the gate times the up half, not the up half plus 1, as in every other SwiGLU",
  category,
  case: "gpt_oss/chunked",
  at: `${textOnlyLayers}.1.mlp.experts:out`,
  model(model) {
    const { experts } = part<GptOssMLP>(model, `${textOnlyLayers}.1.mlp`);
    change(experts, "_apply_gate", (right) => (gate_up) => {
      // What the gate gives alone, with an up half of 0, is taken away again.
      const gated = right(gate_up);
      const glu = right(mapElements(gate_up, (value, i) => (i % 2 === 0 ? value : 0)));
      return mapElements(gated, (value, i) => value - (glu.data?.[i] ?? 0));
    });
  },
};

export const halves: PlantedFault = {
  id: "gpt-oss-gate-up-halves",
  title: "gates and ups taken for two halves of the fused projection, where they take turns",
  category,
  case: "gpt_oss/chunked",
  at: `${textOnlyLayers}.0.mlp.experts:out`,
  model(model) {
    change(part<GptOssMLP>(model, `${textOnlyLayers}.0.mlp`).experts, "_apply_gate", (right) => (gate_up) => {
      const half = gate_up.size(-1) / 2;
      return right(pickChannels(gate_up, (channel) => (channel % 2) * half + Math.floor(channel / 2)));
    });
  },
};

export const softmaxBeforeChoice: PlantedFault = {
  id: "gpt-oss-softmax-before-top-k",
  title: "experts weighted by a softmax over all of them, taken before the choice",
  category,
  case: "gpt_oss/chunked",
  at: `${textOnlyLayers}.1.mlp.router:out.1`,
  model(model) {
    const { router } = part<GptOssMLP>(model, `${textOnlyLayers}.1.mlp`);
    change(router, "forward", (right) => (hidden_states) => {
      const [logits, , indices] = right(hidden_states);
      return [logits, router.gather(router.softmax(logits, logits.dtype), indices), indices];
    });
  },
};

export const alternation: PlantedFault = {
  id: "gpt-oss-even-layers-slide",
  title: "layers with an even index slide and the others do not, whatever layer_types says",
  category,
  case: "gpt_oss/chunked",
  at: `${textOnlyLayers}.0.self_attn#mask`,
  config: (config) => ({ ...config, layer_types: ["sliding_attention", "full_attention"] }),
};

export const yarnTruncated: PlantedFault = {
  id: "gpt-oss-yarn-truncated",
  title: "the bounds of YaRN's ramp rounded to whole channels, where truncate is false",
  category,
  case: "gpt_oss/chunked",
  at: "model.rotary_emb:out",
  config: (config) => ({
    ...config,
    rope_parameters: { ...(config["rope_parameters"] as object), truncate: true },
  }),
};

export const biasUnweighted: PlantedFault = {
  id: "gpt-oss-expert-bias-unweighted",
  title: "the bias of each chosen expert's down projection added once, not times the router's weight",
  category,
  case: "gpt_oss/chunked",
  at: `${textOnlyLayers}.1.mlp.experts:out`,
  model(model) {
    const { experts } = part<GptOssMLP>(model, `${textOnlyLayers}.1.mlp`);
    change(experts, "forward", (right) => (hidden_states, indices, weights) => {
      const width = hidden_states.size(1);
      const k = indices.size(1);
      return mapElements(right(hidden_states, indices, weights), (value, i) => {
        const [token, channel] = [Math.floor(i / width), i % width];
        for (let place = token * k; place < (token + 1) * k; place++)
          value += (1 - weights.data![place]!) * experts.down_proj_bias.data![indices.data![place]! * width + channel]!;
        return value;
      });
    });
  },
};

export const causes = {
  "imp-sinks-decode-dropped": "cat:1 lowest",
  "modular-sinks-head-index": "cat 1\\.2: axes 1 and 2 written",
  "gpt-oss-swiglu-not-clamped": "clamp:left out.*clamp:left out",
  "gpt-oss-up-plus-one-missing": "add:without the second",
  "gpt-oss-gate-up-halves": "axis 1 interleaved 2",
  "gpt-oss-softmax-before-top-k": "routing/weights softmax ",
  "gpt-oss-even-layers-slide": "mask/window 0 -> 5",
  "gpt-oss-yarn-truncated": "truncate",
};
