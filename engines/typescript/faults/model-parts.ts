/**
 * Tools that the faults are made with: parts of a built gemma4_unified by name, methods replaced from outside, and
 * small changes of tensors.
 */
import type { BuiltModel } from "../fault.ts";
import { rotary_tables } from "../kernels/rotary.ts";
import type { Activation } from "../layers/activations.ts";
import type { KVCache } from "../layers/kv_cache.ts";
import type { Linear } from "../layers/linear.ts";
import type { MaskRequest } from "../layers/causal_model.ts";
import { MaskBuilder } from "../layers/masks.ts";
import type { Module } from "../layers/module.ts";
import type { LayerNorm, RMSNorm } from "../layers/normalization.ts";
import type { RopeInit } from "../layers/rope_init.ts";
import type { Gemma4UnifiedModel, Gemma4UnifiedVisionEmbedder } from "../models/gemma4_unified/model.ts";
import type { Gemma4UnifiedCausalModel } from "../models/gemma4_unified/causal_lm.ts";
import type {
  Gemma4UnifiedTextAttention,
  Gemma4UnifiedTextDecoderLayer,
  Gemma4UnifiedTextModel,
} from "../models/gemma4_unified/text.ts";
import type { MaskTensor, Tensor } from "../tensor/tensor.ts";
import { floatTensor, roundedTensor } from "../tensor/tensor.ts";

/** Path of the layers of the multimodal model. */
export const layers = "model.language_model.layers";

/** Path of the layers of the text-only model, case `gemma4_unified/causal_lm`. */
export const textOnlyLayers = "model.layers";

/** The module at `path`. @throws RangeError when the model has none. */
export function part<M extends Module>({ modules }: BuiltModel, path: string): M {
  const match = modules.get(path);
  if (!match) throw new RangeError(`the model has no module ${path}`);
  return match as M;
}

/** The language model of either root. */
export function textModel(model: BuiltModel): Gemma4UnifiedTextModel {
  return part(model, model.modules.has("model.language_model") ? "model.language_model" : "model");
}

/** Decoder layer `n`. */
export function layer(model: BuiltModel, n: number): Gemma4UnifiedTextDecoderLayer {
  return part(model, `${textModel(model).path}.layers.${n}`);
}

/** The attention module of layer `n`; its `attention` is the core without projections and norms. */
export function attention(model: BuiltModel, n: number): Gemma4UnifiedTextAttention {
  return layer(model, n).self_attn;
}

/** The module in layer `n` of which the dotted path is `name`: an RMS norm, a linear, an activation. */
export const norm = (model: BuiltModel, n: number, name: string): RMSNorm => inLayer(model, n, name);
export const linear = (model: BuiltModel, n: number, name: string): Linear => inLayer(model, n, name);
export const activation = (model: BuiltModel, n: number): Activation => inLayer(model, n, "mlp.act_fn");

function inLayer<M extends Module>(model: BuiltModel, n: number, name: string): M {
  return part(model, `${layer(model, n).path}.${name}`);
}

/** The module that embeds tokens and media and runs the language model. */
export function mediaModel(model: BuiltModel): Gemma4UnifiedModel {
  return part(model, "model");
}

/** The embedder of image patches and video frames. */
export function visionEmbedder(model: BuiltModel): Gemma4UnifiedVisionEmbedder {
  return part(model, "model.embed_vision");
}

/** The root: caches, masks and logits. */
export function causalModel({ root }: BuiltModel): Gemma4UnifiedCausalModel {
  return root as Gemma4UnifiedCausalModel;
}

/** Replaces the method `name` of one object by what `make` returns when it is given the right one. */
export function change<T extends object, K extends keyof T>(object: T, name: K, make: (right: T[K]) => T[K]): void {
  const right = object[name] as (...inputs: never[]) => unknown;
  object[name] = make(right.bind(object) as T[K]);
}

/** Changes every cache that the model creates; a model that keeps none stays as it is. */
export function changeCache(model: BuiltModel, faulty: (cache: KVCache) => void): void {
  change(model.root, "create_cache", (right) => () => {
    const cache = right();
    if (cache !== null) faulty(cache);
    return cache;
  });
}

/** A norm, or any other module of one tensor, that returns its input. */
export function skip(module: RMSNorm | LayerNorm): void {
  module.forward = (hidden_states: Tensor) => hidden_states;
}

/** Applies `element` to every element of a tensor; a tensor without data stays as it is. */
export function mapElements(tensor: Tensor, element: (value: number, index: number) => number): Tensor {
  return roundedTensor(tensor.shape, tensor.data && tensor.data.map(element), tensor.dtype);
}

/**
 * Elements picked by index: the result's element `i` is the tensor's element `source(i)`; `shape` defaults to the
 * tensor's.
 */
export function pick(tensor: Tensor, source: (index: number) => number, shape = tensor.shape): Tensor {
  const { data } = tensor;
  return floatTensor(shape, data && Float32Array.from(data, (_, index) => data[source(index)]!), tensor.dtype);
}

/** Rows of the last dimension picked by index: the result's row `i` is the tensor's row `source(i)`. */
export function pickRows(tensor: Tensor, source: (row: number) => number): Tensor {
  const width = tensor.size(-1);
  return pick(tensor, (index) => source(Math.floor(index / width)) * width + (index % width));
}

/** Channels of the last dimension picked by index. */
export function pickChannels(tensor: Tensor, source: (channel: number) => number): Tensor {
  const width = tensor.size(-1);
  return pick(tensor, (index) => index - (index % width) + source(index % width));
}

/**
 * Layer `n` rotates with tables of its own, made from `init` and the positions [B, S] of the forward after `positions`
 * has changed them.
 */
export function rotateWith(
  model: BuiltModel,
  n: number,
  init: RopeInit,
  positions = (position_ids: Int32Array, _tokens: number): Int32Array => position_ids,
): void {
  let seen = new Int32Array();
  change(textModel(model).rotary_emb, "forward", (right) => (x, position_ids, layer_type) => {
    seen = position_ids.data as Int32Array<ArrayBuffer>;
    return right(x, position_ids, layer_type);
  });
  change(attention(model, n), "apply_rotary_pos_emb", (right) => (x, cos, sin) => {
    const tables = rotary_tables(positions(seen, cos.size(1)), init.inv_freq, init.attention_scaling);
    return right(x, floatTensor(cos.shape, tables.cos), floatTensor(sin.shape, tables.sin));
  });
}

/** Layer `n` attends with a mask of its own, which `build` makes with a builder like the model's. */
export function maskOfLayer(
  model: BuiltModel,
  n: number,
  build: (masks: MaskBuilder, request: MaskRequest) => MaskTensor,
): void {
  const { sliding_window, is_causal } = causalModel(model).masks;
  const masks = new MaskBuilder({ sliding_window, is_causal, shapesOnly: model.root.context.shapesOnly });
  let own: MaskTensor | null = null;
  change(model.root, "create_masks_for_generate", (right) => (request) => {
    own = build(masks, request);
    return right(request);
  });
  change(attention(model, n).attention, "forward", (right) => (query, key, value) => right(query, key, value, own!));
}
