import { rotary_tables } from "../kernels/rotary.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import type { LayerType } from "./config_schema.ts";
import { layerConfig } from "./config_view.ts";
import { ConfiguredModule } from "./configured_module.ts";
import type { RopeInit, RopeParameters } from "./rope_init.ts";
import { ROPE_INIT_FUNCTIONS } from "./rope_init.ts";
import type { PositionEmbeddings } from "./rotary_embedding.ts";
import { position_embeddings } from "./rotary_embedding.ts";
import type { Scope } from "./scope.ts";

/** The fields that it is made from; `per_layer_config` may give layer types a `head_dim` of their own. */
export interface LayerTypeRotaryConfig {
  readonly head_dim: number;
  readonly layer_types: readonly LayerType[];
  readonly rope_parameters: {
    readonly [T in LayerType]?:
      (RopeParameters & { readonly rope_type: "default" | "linear" | "proportional" }) | undefined;
  };
}

/**
 * Cosines and sines [B, S, head_dim] of the positions, by layer type: types differ in head size, theta and rotated
 * share.
 */
export class LayerTypeRotaryEmbedding extends ConfiguredModule<LayerTypeRotaryConfig> {
  /** The frequencies by layer type. */
  readonly rope: Record<string, RopeInit> = {};

  constructor(at: Scope, given: LayerTypeRotaryConfig) {
    super(at, given);
    const { config } = this;
    for (const layer_type of new Set(config.layer_types)) {
      const { head_dim } = layerConfig(config, layer_type); // full-attention layers have wider heads
      const rope_params = config.rope_parameters[layer_type]!;
      this.rope[layer_type] = ROPE_INIT_FUNCTIONS[rope_params.rope_type](rope_params, head_dim);
    }
  }

  forward(x: Tensor, position_ids: IndexTensor, layer_type: string): PositionEmbeddings {
    const { inv_freq, attention_scaling } = this.rope[layer_type]!;
    const tables = () => rotary_tables(position_ids.data, inv_freq, attention_scaling);
    return position_embeddings(x, position_ids, { width: inv_freq.length * 2, tables }); // [B, S, head_dim]
  }

  /** The tables of each of `layer_types`. */
  tables(
    x: Tensor,
    position_ids: IndexTensor,
    layer_types: readonly LayerType[],
  ): (layer_type: LayerType) => PositionEmbeddings {
    const tables: Partial<Record<LayerType, PositionEmbeddings>> = {};
    for (const layer_type of new Set(layer_types)) tables[layer_type] = this.call(x, position_ids, layer_type);
    return (layer_type) => tables[layer_type]!;
  }
}
