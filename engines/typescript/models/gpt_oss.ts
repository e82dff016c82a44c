/** gpt_oss, read beside transformers 5.24.0, `models/gpt_oss/modeling_gpt_oss.py`: same classes, same order, same names. */
import { softmax_with_sinks } from "../kernels/sinks.ts";
import { clamped_swiglu } from "../kernels/swiglu.ts";
import type { DecoderLayerInputs } from "../layers/attention.ts";
import { Attention } from "../layers/attention.ts";
import { AttentionCore } from "../layers/attention_core.ts";
import { DecoderForCausalLM, DecoderModel, PreNormDecoderLayer } from "../layers/decoder.ts";
import { Experts } from "../layers/experts.ts";
import { Embedding, Linear } from "../layers/linear.ts";
import { Module, ModuleList } from "../layers/module.ts";
import { RMSNorm } from "../layers/normalization.ts";
import type { PositionEmbeddings } from "../layers/rotary_embedding.ts";
import { RotaryEmbedding } from "../layers/rotary_embedding.ts";
import type { RouterOptions, Routing } from "../layers/router.ts";
import { Router } from "../layers/router.ts";
import type { Scope, Size } from "../layers/scope.ts";
import { size } from "../layers/scope.ts";
import { concat, reshape, slice } from "../tensor/layout.ts";
import { round } from "../tensor/rounding.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { roundedTensor } from "../tensor/tensor.ts";
import type { GptOssConfig } from "./gpt_oss.config.ts";

export class GptOssRMSNorm extends RMSNorm {
  constructor(at: Scope, { dim, eps }: { dim: Size; eps: number }) {
    super(at, { dim, eps, with_scale: false });
    const { dtype } = at.context;
    this.weight = at.weight("weight", [dim], dtype === "F16" ? "F32" : dtype); // `_keep_in_fp32_modules`
  }
}

/** Gated MLPs with biases, their weights stored as [experts, in, out], gates and ups in turn; a clamped SwiGLU with 1 added to the up half. */
export class GptOssExperts extends Experts {
  gate_up_proj: Tensor; // [experts, hidden_size, 2 * intermediate_size]
  gate_up_proj_bias: Tensor; // [experts, 2 * intermediate_size]
  down_proj: Tensor; // [experts, intermediate_size, hidden_size]
  down_proj_bias: Tensor; // [experts, hidden_size]
  alpha: number;
  limit: number;

  constructor(config: GptOssConfig, at: Scope) {
    super(at, at.read(config).num_local_experts);
    config = at.read(config);
    const [experts, hidden] = [size(config, "num_local_experts"), size(config, "hidden_size")];
    const [intermediate, gate_up] = [size(config, "intermediate_size"), size(config, 2, "intermediate_size")];
    this.gate_up_proj = at.weight("gate_up_proj", [experts, hidden, gate_up]);
    this.gate_up_proj_bias = at.weight("gate_up_proj_bias", [experts, gate_up]);
    this.down_proj = at.weight("down_proj", [experts, intermediate, hidden]);
    this.down_proj_bias = at.weight("down_proj_bias", [experts, hidden]);
    this.alpha = config.swiglu_alpha;
    this.limit = config.swiglu_limit;
  }

  _apply_gate(gate_up: Tensor): Tensor {
    const { data, dtype } = gate_up;
    const shape = gate_up.shape.with(-1, gate_up.size(-1) / 2);
    const swiglu = { alpha: this.alpha, limit: this.limit, round: round[dtype] };
    return roundedTensor(shape, data && clamped_swiglu(data, swiglu), dtype);
  }

  expert(current_state: Tensor, expert_idx: number): Tensor {
    const gate_up = this.affine(current_state, this.gate_up_proj, this.gate_up_proj_bias, expert_idx);
    const gated_output = this._apply_gate(gate_up); // [n, intermediate]
    return this.affine(gated_output, this.down_proj, this.down_proj_bias, expert_idx); // [n, hidden_size]
  }
}

/** The weights of the chosen experts are a softmax over their logits alone. */
export class GptOssTopKRouter extends Router {
  bias: Tensor;

  constructor(at: Scope, options: RouterOptions) {
    super(at, options);
    this.bias = at.weight("bias", [options.experts]);
  }

  forward(hidden_states: Tensor): Routing {
    const router_logits = this.project(hidden_states, this.bias); // [tokens, experts]
    const router_indices = this.topk(router_logits, this.top_k); // [tokens, k]
    const router_top_value = this.gather(router_logits, router_indices);
    return [router_logits, this.softmax(router_top_value, router_top_value.dtype), router_indices];
  }
}

/** hidden_states [B, S, hidden_size] -> the same shape. */
export class GptOssMLP extends Module {
  router: GptOssTopKRouter;
  experts: GptOssExperts;

  constructor(config: GptOssConfig, at: Scope) {
    super(at);
    config = at.read(config);
    const [hidden, experts] = [size(config, "hidden_size"), size(config, "num_local_experts")];
    this.router = new GptOssTopKRouter(at.child("router"), { hidden, experts, top_k: config.num_experts_per_tok });
    this.experts = new GptOssExperts(config, at.child("experts"));
  }

  forward(hidden_states: Tensor): Tensor {
    const tokens = reshape(hidden_states, [-1, hidden_states.size(-1)]); // [B * S, hidden_size]
    const [, router_scores, router_indices] = this.router.call(tokens); // [B * S, k]
    return reshape(this.experts.call(tokens, router_indices, router_scores), hidden_states.shape);
  }
}

/** Tables of one entry per pair of channels, [B, S, head_dim / 2]. */
export class GptOssRotaryEmbedding extends RotaryEmbedding {
  override forward(x: Tensor, position_ids: IndexTensor): PositionEmbeddings {
    const [cos, sin] = super.forward(x, position_ids);
    const pairs = cos.size(-1) / 2;
    return [slice(cos, 2, 0, pairs), slice(sin, 2, 0, pairs)];
  }
}

/** One more score per head, learned, takes its share of the softmax and is dropped. */
class AttentionCoreWithSinks extends AttentionCore {
  sinks: Tensor | null = null;

  override compute_probs(scores: Tensor): Tensor {
    const { shape, data, dtype } = scores;
    const sizes = { queries: scores.size(2), keys: scores.size(3), round: round[dtype] };
    const sinks = this.sinks?.data ?? null;
    return roundedTensor(shape, data && sinks && softmax_with_sinks(data, sinks, sizes), dtype);
  }
}

/** Attention of one layer: hidden_states [B, S, hidden_size] -> the same shape. */
export class GptOssAttention extends Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  sinks: Tensor;
  override attention: AttentionCoreWithSinks;

  constructor(config: GptOssConfig, layer_idx: number, at: Scope) {
    const scaling = at.read(config).head_dim ** -0.5;
    super(config, layer_idx, { at, scaling });
    config = at.read(config);
    const [hidden, heads] = [size(config, "hidden_size"), size(config, "num_attention_heads")];
    const query = size(config, "num_attention_heads", "head_dim");
    const key = size(config, "num_key_value_heads", "head_dim");
    const bias = config.attention_bias;
    this.q_proj = new Linear(at.child("q_proj"), { in: hidden, out: query, bias });
    this.k_proj = new Linear(at.child("k_proj"), { in: hidden, out: key, bias });
    this.v_proj = new Linear(at.child("v_proj"), { in: hidden, out: key, bias });
    this.o_proj = new Linear(at.child("o_proj"), { in: query, out: hidden, bias });
    this.sinks = at.weight("sinks", [heads]);
    this.attention = new AttentionCoreWithSinks(config, layer_idx, scaling, at.functional("attention"));
    this.attention.sinks = this.sinks;
  }

  override apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    return super.apply_rotary_pos_emb(x, concat([cos, cos], 2), concat([sin, sin], 2));
  }

  forward(hidden_states: Tensor, inputs: DecoderLayerInputs): Tensor {
    let query_states = this.split_heads(this.q_proj.call(hidden_states)); // [B, S, heads, D]
    let key_states = this.split_heads(this.k_proj.call(hidden_states)); // [B, S, kv_heads, D]
    const value_states = this.split_heads(this.v_proj.call(hidden_states)); // [B, S, kv_heads, D]
    [query_states, key_states] = this.rotate([query_states, key_states], inputs.position_embeddings);
    const attn_output = this.attend([query_states, key_states, value_states], inputs); // [B, S, heads * D]
    return this.o_proj.call(attn_output); // [B, S, hidden_size]
  }
}

export class GptOssDecoderLayer extends PreNormDecoderLayer {
  self_attn: GptOssAttention;
  mlp: GptOssMLP;
  input_layernorm: GptOssRMSNorm;
  post_attention_layernorm: GptOssRMSNorm;

  constructor(config: GptOssConfig, layer_idx: number, at: Scope) {
    super(at);
    config = at.read(config);
    const norm = { dim: size(config, "hidden_size"), eps: config.rms_norm_eps };
    this.self_attn = new GptOssAttention(config, layer_idx, at.child("self_attn"));
    this.mlp = new GptOssMLP(config, at.child("mlp"));
    this.input_layernorm = new GptOssRMSNorm(at.child("input_layernorm"), norm);
    this.post_attention_layernorm = new GptOssRMSNorm(at.child("post_attention_layernorm"), norm);
  }
}

export class GptOssModel extends DecoderModel {
  embed_tokens: Embedding;
  layers: ModuleList<GptOssDecoderLayer>;
  norm: GptOssRMSNorm;
  rotary_emb: GptOssRotaryEmbedding;

  constructor(config: GptOssConfig, at: Scope) {
    super(config, at);
    config = at.read(config);
    const [vocabulary, hidden] = [size(config, "vocab_size"), size(config, "hidden_size")];
    this.embed_tokens = new Embedding(at.child("embed_tokens"), { num_embeddings: vocabulary, embedding_dim: hidden });
    this.layers = new ModuleList(
      at.child("layers"),
      config.num_hidden_layers,
      (layer_idx, at) => new GptOssDecoderLayer(config, layer_idx, at),
    );
    this.norm = new GptOssRMSNorm(at.child("norm"), { dim: hidden, eps: config.rms_norm_eps });
    this.rotary_emb = new GptOssRotaryEmbedding(config, at.child("rotary_emb"));
  }
}

export class GptOssForCausalLM extends DecoderForCausalLM {
  model: GptOssModel;
  lm_head: Linear;

  constructor(config: GptOssConfig, at: Scope) {
    super(config, at);
    this.model = new GptOssModel(config, at.child("model"));
    this.lm_head = this.create_lm_head(config, at.child("lm_head"), { embedding: this.model.embed_tokens });
  }
}
