import type { ZodType } from "zod";
import { EngineError } from "../../../harness/engine/implementation.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";
import type { RootModel } from "../layers/causal_model.ts";
import type { Scope } from "../layers/scope.ts";
import { AlbertConfig, AlbertForMaskedLM, AlbertModel } from "./albert.ts";
import { BertConfig, BertForMaskedLM, BertModel } from "./bert.ts";
import type { Conversion } from "./conversion.ts";
import { mergeExperts } from "./conversion.ts";
import { Cohere2Config, Cohere2ForCausalLM } from "./cohere2.ts";
import { DeepseekV3Config } from "./deepseek_v3/config.ts";
import { DeepseekV3ForCausalLM } from "./deepseek_v3/model.ts";
import { GemmaConfig, GemmaForCausalLM } from "./gemma.ts";
import { Gemma2Config, Gemma2ForCausalLM } from "./gemma2.ts";
import { Gemma3Config, Gemma3ForConditionalGeneration } from "./gemma3/model.ts";
import { Gemma3ForCausalLM, Gemma3TextConfig } from "./gemma3/text.ts";
import { Gemma4TextConfig } from "./gemma4/config.ts";
import { Gemma4ForCausalLM } from "./gemma4/model.ts";
import { Gemma4UnifiedConfig, Gemma4UnifiedTextConfig } from "./gemma4_unified/config.ts";
import { Gemma4UnifiedForConditionalGeneration } from "./gemma4_unified/model.ts";
import { Gemma4UnifiedForCausalLM } from "./gemma4_unified/causal_lm.ts";
import { GPT2Config, GPT2LMHeadModel } from "./gpt2.ts";
import { GPTNeoXConfig, GPTNeoXForCausalLM } from "./gpt_neox.ts";
import { GptOssConfig, GptOssForCausalLM } from "./gpt_oss.ts";
import { GraniteConfig, GraniteForCausalLM } from "./granite.ts";
import { LlamaConfig, LlamaForCausalLM } from "./llama.ts";
import { Mamba2Config, Mamba2ForCausalLM } from "./mamba2.ts";
import { MistralConfig, MistralForCausalLM } from "./mistral.ts";
import { MixtralConfig, MixtralForCausalLM } from "./mixtral.ts";
import { Olmo2Config, Olmo2ForCausalLM } from "./olmo2.ts";
import { Phi3Config, Phi3ForCausalLM } from "./phi3.ts";
import { Qwen2Config, Qwen2ForCausalLM } from "./qwen2.ts";
import { Qwen2_5_VLConfig } from "./qwen2_5_vl/config.ts";
import { Qwen2_5_VLForConditionalGeneration } from "./qwen2_5_vl/model.ts";
import { Qwen3Config, Qwen3ForCausalLM } from "./qwen3.ts";
import { Qwen3NextConfig } from "./qwen3_next/config.ts";
import { Qwen3NextForCausalLM } from "./qwen3_next/model.ts";
import { Qwen3MoeConfig, Qwen3MoeForCausalLM } from "./qwen3_moe.ts";
import { SmolLM3Config, SmolLM3ForCausalLM } from "./smollm3.ts";
import { Starcoder2Config, Starcoder2ForCausalLM } from "./starcoder2.ts";
import { WhisperConfig } from "./whisper/config.ts";
import { WhisperForConditionalGeneration } from "./whisper/model.ts";

/** An architecture: how its config is read, how its model is built, and what its checkpoints call differently. */
export interface Architecture {
  /** Parses a raw config. @throws z.ZodError for a config that the architecture does not have. */
  parseConfig(json: unknown): object;
  build(at: Scope, config: object): RootModel;
  /** Checkpoint tensor name -> state-dict name. */
  rename(name: string): string;
  /** Converts the renamed tensors of a checkpoint to those of the state dict. */
  readonly convert: Conversion;
}

/** Names of an expert's projections in most checkpoints. */
const projections = { gate: "gate_proj", up: "up_proj", down: "down_proj" };

/** All architectures by the name in a config's `architectures`. */
const architectures: Readonly<Record<string, Architecture>> = {
  Gemma4UnifiedForConditionalGeneration: architecture(Gemma4UnifiedConfig, Gemma4UnifiedForConditionalGeneration, [
    [/^model\.vision_embedder\./, "model.embed_vision."],
    [/^model\.embed_vision\.embedding_projection\./, "model.embed_vision.multimodal_embedder.embedding_projection."],
  ]),
  Gemma4UnifiedForCausalLM: architecture(Gemma4UnifiedTextConfig, Gemma4UnifiedForCausalLM),
  AlbertForMaskedLM: architecture(AlbertConfig, AlbertForMaskedLM),
  AlbertModel: architecture(AlbertConfig, AlbertModel),
  BertForMaskedLM: architecture(BertConfig, BertForMaskedLM),
  BertModel: architecture(BertConfig, BertModel),
  Cohere2ForCausalLM: architecture(Cohere2Config, Cohere2ForCausalLM),
  DeepseekV3ForCausalLM: architecture(DeepseekV3Config, DeepseekV3ForCausalLM, [], mergeExperts(projections)),
  GemmaForCausalLM: architecture(GemmaConfig, GemmaForCausalLM),
  Gemma2ForCausalLM: architecture(Gemma2Config, Gemma2ForCausalLM),
  Gemma3ForConditionalGeneration: architecture(Gemma3Config, Gemma3ForConditionalGeneration, [
    [/^language_model\.lm_head\./, "lm_head."],
    [/^language_model\.model\./, "model.language_model."],
    [/^vision_tower\.(vision_model\.)?/, "model.vision_tower."],
    [/^multi_modal_projector\./, "model.multi_modal_projector."],
  ]),
  Gemma3ForCausalLM: architecture(Gemma3TextConfig, Gemma3ForCausalLM),
  Gemma4ForCausalLM: architecture(Gemma4TextConfig, Gemma4ForCausalLM),
  GPT2LMHeadModel: architecture(GPT2Config, GPT2LMHeadModel),
  GPTNeoXForCausalLM: architecture(GPTNeoXConfig, GPTNeoXForCausalLM, [[/^embed_out\./, "lm_head."]]),
  GptOssForCausalLM: architecture(GptOssConfig, GptOssForCausalLM),
  GraniteForCausalLM: architecture(GraniteConfig, GraniteForCausalLM),
  LlamaForCausalLM: architecture(LlamaConfig, LlamaForCausalLM),
  Mamba2ForCausalLM: architecture(Mamba2Config, Mamba2ForCausalLM, [
    [/^backbone\.embedding\./, "backbone.embeddings."],
  ]),
  MistralForCausalLM: architecture(MistralConfig, MistralForCausalLM),
  MixtralForCausalLM: architecture(
    MixtralConfig,
    MixtralForCausalLM,
    [[/\.block_sparse_moe\./, ".mlp."]],
    mergeExperts({ gate: "w1", up: "w3", down: "w2" }),
  ),
  Olmo2ForCausalLM: architecture(Olmo2Config, Olmo2ForCausalLM),
  Phi3ForCausalLM: architecture(Phi3Config, Phi3ForCausalLM),
  Qwen2ForCausalLM: architecture(Qwen2Config, Qwen2ForCausalLM),
  Qwen2_5_VLForConditionalGeneration: architecture(Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, [
    [/^visual\./, "model.visual."],
    [/^model\.(?!language_model\.|visual\.)/, "model.language_model."],
  ]),
  Qwen3ForCausalLM: architecture(Qwen3Config, Qwen3ForCausalLM),
  Qwen3NextForCausalLM: architecture(
    Qwen3NextConfig,
    Qwen3NextForCausalLM,
    [],
    mergeExperts({ gate: "gate_proj", up: "up_proj", down: "down_proj" }),
  ),
  Qwen3MoeForCausalLM: architecture(Qwen3MoeConfig, Qwen3MoeForCausalLM, [], mergeExperts(projections)),
  SmolLM3ForCausalLM: architecture(SmolLM3Config, SmolLM3ForCausalLM),
  Starcoder2ForCausalLM: architecture(Starcoder2Config, Starcoder2ForCausalLM),
  WhisperForConditionalGeneration: architecture(WhisperConfig, WhisperForConditionalGeneration),
};

/**
 * The architecture that `config.architectures` names.
 * @throws EngineError `unsupported` listing the known ones.
 */
export function findArchitecture(config: Readonly<Record<string, unknown>>): Architecture {
  const [name] = Array.isArray(config["architectures"]) ? (config["architectures"] as unknown[]) : [];
  if (typeof name === "string" && Object.hasOwn(architectures, name)) return architectures[name]!;
  const known = Object.keys(architectures).join(", ");
  throw new EngineError(errorCodes.unsupported, `architecture ${JSON.stringify(name ?? null)} is not implemented`, {
    expected: `one of ${known}`,
    found: JSON.stringify(config["architectures"] ?? null),
    where: "config.json, architectures",
    remedy: "use another engine for this checkpoint, or add the architecture to engines/typescript/models/registry.ts",
  });
}

/**
 * Ties a config schema to the model class that reads it. `renames` and `convert` as in transformers 5.24.0,
 * `conversion_mapping.py`.
 */
function architecture<C extends object>(
  schema: ZodType<C>,
  Model: new (at: Scope, config: C) => RootModel,
  renames: readonly (readonly [RegExp, string])[] = [],
  convert: Conversion = (tensors) => tensors,
): Architecture {
  return {
    parseConfig: (json) => schema.parse(json),
    build: (at, config) => new Model(at, config as C),
    rename: (name) => renames.reduce((renamed, [from, to]) => renamed.replace(from, to), name),
    convert,
  };
}
