import { expect, test } from "vitest";
import type { Outline, OutlineClass, OutlineSize } from "../../../harness/engine/outline.ts";
import { outline as outlineSchema } from "../../../harness/engine/outline.ts";
import { modelFile } from "./model.ts";

const size = (...factors: string[]): OutlineSize => ({ value: 8, factors, divisors: [], constant: 1 });
const eps = { value: 1e-5, field: "layer_norm_eps" };

function found(name: string, like: OutlineClass["like"], children: OutlineClass["children"]): OutlineClass {
  const own = like !== "gated_mlp" && like !== "rotary";
  return {
    name,
    path: "",
    like,
    forward: own,
    indexed: like === "attention",
    eps: null,
    scaling: null,
    tensors: [],
    children,
  };
}

function child(name: string, kind: OutlineClass["children"][number]["kind"], rest: object = {}) {
  return { name, kind, type: kind, path: name, ...rest };
}

const gated = [
  child("gate_proj", "linear", { shape: [size("intermediate_size"), size("hidden_size")], bias: false }),
  child("act_fn", "activation", { field: "hidden_act" }),
];

/** One class of each kind, as the reference would outline them. */
const tiny: Outline = outlineSchema.parse({
  model_type: "tiny",
  architecture: "TinyForCausalLM",
  config_class: "TinyConfig",
  source: "models/tiny/modeling_tiny.py",
  version: "5.24.0",
  prefix: "model",
  config: { hidden_size: 32, num_attention_heads: 4 },
  fields: [
    { name: "hidden_size", kind: "int", nullable: false, default: 4096 },
    { name: "layer_norm_eps", kind: "float", nullable: false, default: 1e-5 },
  ],
  aliases: {},
  rope: { rope_type: "default", rope_theta: 10_000, partial_rotary_factor: 0.5 },
  classes: [
    found("TinyRotaryEmbedding", "rotary", []),
    found("TinyMLP", "gated_mlp", gated),
    {
      ...found("TinyAttention", "attention", [
        child("q_proj", "linear", {
          shape: [size("num_attention_heads", "head_dim"), size("hidden_size")],
          bias: "bias",
        }),
        child("k_proj", "linear", { shape: [size("hidden_size"), size("hidden_size")], bias: true }),
        child("q_norm", "layer_norm", { shape: [size("head_dim")], eps, bias: false, when: "qk_norm" }),
        child("rope", "module", { type: "Unknown" }),
      ]),
      tensors: [{ name: "sinks", shape: [size("num_attention_heads")] }],
    },
    found("TinyLayer", "module", [
      child("self_attn", "module", { type: "TinyAttention" }),
      child("mlp", "module", { type: "TinyMLP" }),
    ]),
    found("TinyModel", "model", [
      child("embed_tokens", "embedding", { shape: [size("vocab_size"), size("hidden_size")] }),
      child("layers", "list", {
        count: { value: 2, field: "num_hidden_layers" },
        elements: child("0", "module", { type: "TinyLayer" }),
      }),
      child("rotary_emb", "module", { type: "TinyRotaryEmbedding" }),
    ]),
    found("TinyForCausalLM", "root", [
      child("model", "module", { type: "TinyModel" }),
      child("lm_head", "linear", { shape: [size("vocab_size"), size("hidden_size")], bias: false }),
    ]),
  ],
});

test("children are fields of the classes, in the reference's order; what is left are forwards", () => {
  expect(modelFile(tiny, [])).toMatchInlineSnapshot(`
    "/** tiny, read beside transformers 5.24.0, \`models/tiny/modeling_tiny.py\`: same classes, order and names. */
    import { z } from "zod";
    import type { DecoderLayerInputs } from "../layers/attention.ts";
    import { Attention } from "../layers/attention.ts";
    import { AttentionCore } from "../layers/attention_core.ts";
    import type { CausalModelInputs } from "../layers/causal_model.ts";
    import { alike, configSchema, count, derive_heads, rope_fields, standardize_rope_params } from "../layers/config_schema.ts";
    import { ConfiguredModule } from "../layers/configured_module.ts";
    import { DecoderForCausalLM, DecoderLayer } from "../layers/decoder.ts";
    import { GatedMLP } from "../layers/gated_mlp.ts";
    import { LayerNorm } from "../layers/normalization.ts";
    import { PartialRotaryEmbedding } from "../layers/rotary_embedding.ts";
    import type { IndexTensor, Tensor } from "../tensor/tensor.ts";

    /** \`TinyConfig\`, with its defaults. */
    export const TinyConfig = configSchema({
      model_type: z.literal("tiny").default("tiny"),
      hidden_size: count.default(4096),
      layer_norm_eps: z.number().default(0.00001),
      tie_word_embeddings: z.boolean().default(true),
      ...rope_fields,
      partial_rotary_factor: rope_fields.partial_rotary_factor.default(0.5),
    }).transform((fields) => ({
      ...standardize_rope_params(fields),
      ...derive_heads(fields),
      layer_types: alike(fields),
    }));
    export type TinyConfig = z.output<typeof TinyConfig>;

    export class TinyRotaryEmbedding extends PartialRotaryEmbedding {}

    export class TinyMLP extends GatedMLP {}

    export class TinyAttention extends Attention<TinyConfig> {
      attention = this.core(AttentionCore, { scaling: this.config.head_dim ** -0.5 });
      q_proj = this.at.linear("q_proj", "hidden_size", ["num_attention_heads", "head_dim"], { bias: "bias" });
      k_proj = this.at.linear("k_proj", "hidden_size", "hidden_size");
      q_norm = this.config.qk_norm ? this.at.norm("q_norm", LayerNorm, "head_dim", { eps: "layer_norm_eps", bias: false }) : null;
      // not written: rope, a Unknown
      sinks = this.at.parameter("sinks", "num_attention_heads");

      forward(_hidden_states: Tensor, _inputs: DecoderLayerInputs): Tensor {
        throw new Error("not written: forward of TinyAttention");
      }
    }

    export class TinyLayer extends DecoderLayer<TinyConfig> {
      self_attn = this.at.module("self_attn", TinyAttention, this.layer_idx);
      mlp = this.at.module("mlp", TinyMLP, { activation: this.config.hidden_act });

      forward(_hidden_states: Tensor, _inputs: DecoderLayerInputs): Tensor {
        throw new Error("not written: forward of TinyLayer");
      }
    }

    export class TinyModel extends ConfiguredModule<TinyConfig> {
      embed_tokens = this.at.embedding("embed_tokens", "vocab_size", "hidden_size");
      layers = this.at.list("layers", TinyLayer, "num_hidden_layers");
      rotary_emb = this.at.module("rotary_emb", TinyRotaryEmbedding);

      forward(_input_ids: IndexTensor, _inputs: CausalModelInputs): Tensor {
        throw new Error("not written: forward of TinyModel");
      }
    }

    export class TinyForCausalLM extends DecoderForCausalLM<TinyConfig> {
      model = this.at.module("model", TinyModel);
      lm_head = this.head("model.embed_tokens.weight");
    }
    "
  `);
});
