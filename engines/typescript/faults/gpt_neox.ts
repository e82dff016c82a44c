/** Faults of gpt_neox ports. */
import { activations } from "../kernels/activations.ts";
import type { Activation } from "../layers/activations.ts";
import type { GPTNeoXAttention, GPTNeoXLayer } from "../models/gpt_neox.ts";
import { slice } from "../tensor/layout.ts";
import { part } from "./model-parts.ts";
import type { PlantedFault } from "./planted.ts";

const category = "gpt_neox";

export const flatSplit: PlantedFault = {
  id: "gpt-neox-qkv-flat-split",
  title: "query_key_value cut into three blocks, not head by head",
  category,
  case: "gpt_neox/chunked",
  at: "gpt_neox.layers.1.attention#q_rope",
  model(model) {
    const at = part<GPTNeoXAttention>(model, "gpt_neox.layers.1.attention");
    at.chunk = (qkv) => {
      const width = qkv.size(2) / 3;
      const block = (n: number) => at.split_heads(slice(qkv, 2, n * width, (n + 1) * width));
      return [block(0), block(1), block(2)];
    };
  },
};

export const serialBlock: PlantedFault = {
  id: "gpt-neox-serial-block",
  title: "use_parallel_residual ignored: the MLP reads what attention has added to",
  category,
  case: "gpt_neox/chunked",
  at: "gpt_neox.layers.0.post_attention_layernorm:in",
  model(model) {
    part<GPTNeoXLayer>(model, "gpt_neox.layers.0").use_parallel_residual = false;
  },
};

export const exactGelu: PlantedFault = {
  id: "gpt-neox-gelu-erf",
  title: "gelu computed with erf where hidden_act asks for gelu_new",
  category,
  case: "gpt_neox/chunked",
  at: "gpt_neox.layers.1.mlp.act:out",
  model(model) {
    part<Activation>(model, "gpt_neox.layers.1.mlp.act").activation = activations.gelu;
  },
};

export const causes = {
  "gpt-neox-serial-block": "\\+1 x attention\\.dense:out",
};
