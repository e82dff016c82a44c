/** The sites of a made-up gemma4_unified in execution order. */

/** The path of its text layers. */
export const model = "model.language_model";

const ports = (module: string): string[] => [`${module}:in`, `${module}:out`];

function attentionSites(at: string, isFull: boolean): string[] {
  const projections = isFull
    ? ["q_proj", "q_norm", "k_proj", "k_norm"]
    : ["q_proj", "q_norm", "k_proj", "k_norm", "v_proj", "v_norm"];
  const inside = ["q_rope", "k_rope", "value", "scores", "mask", "probs", "context"].map((name) => `${at}#${name}`);
  return [
    `${at}:in`,
    ...projections.flatMap((name) => ports(`${at}.${name}`)),
    ...inside,
    ...ports(`${at}.o_proj`),
    `${at}:out`,
  ];
}

function layerSites(layer: number, isFull: boolean): string[] {
  const at = `${model}.layers.${layer}`;
  return [
    `${at}:in`,
    ...ports(`${at}.input_layernorm`),
    ...attentionSites(`${at}.self_attn`, isFull),
    ...ports(`${at}.post_attention_layernorm`),
    `${at}#attn_residual`,
    ...ports(`${at}.pre_feedforward_layernorm`),
    `${at}.mlp:in`,
    ...["gate_proj", "act_fn", "up_proj", "down_proj"].flatMap((name) => ports(`${at}.mlp.${name}`)),
    `${at}.mlp:out`,
    ...ports(`${at}.post_feedforward_layernorm`),
    `${at}:out`,
  ];
}

/** All sites of a model with `layers` layers in execution order; every sixth layer is full attention. */
export function modelSites(layers: number): string[] {
  const each = Array.from({ length: layers }, (_, layer) => layer);
  return [
    "inputs#position_ids",
    ...["patch_embedding", "position_embedding", "norm"].flatMap((name) => ports(`model.vision_embedder.${name}`)),
    ...["embedding_norm", "embedding_projection"].flatMap((name) => ports(`model.embed_audio.${name}`)),
    ...ports(`${model}.embed_tokens`),
    `${model}:in`,
    ...["sliding_attention", "full_attention"].flatMap((kind) => [
      `${model}.rotary_emb:out@${kind}`,
      `${model}.rotary_emb:out.1@${kind}`,
    ]),
    ...each.flatMap((layer) => layerSites(layer, layer % 6 === 5)),
    ...ports(`${model}.norm`),
    `${model}:out`,
    ...ports("lm_head"),
    ...each.flatMap((layer) => [`cache.${layer}.key`, `cache.${layer}.value`]),
    "logits",
  ];
}
