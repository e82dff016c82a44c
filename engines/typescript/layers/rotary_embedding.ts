import { apply_interleaved_rotary, apply_rotary, rotary_tables } from "../kernels/rotary.ts";
import { concat, slice } from "../tensor/layout.ts";
import { round } from "../tensor/rounding.ts";
import type { IndexTensor, Tensor } from "../tensor/tensor.ts";
import { expectShape, floatTensor, roundedTensor } from "../tensor/tensor.ts";
import { ConfiguredModule } from "./configured_module.ts";
import type { RopeInit, RopeInitFunction, RopeParameters } from "./rope_init.ts";
import { compute_partial_rope_parameters, ROPE_INIT_FUNCTIONS } from "./rope_init.ts";
import type { Scope } from "./scope.ts";

/** Cosines and sines of all positions, each [B, S, rotated channels]. */
export type PositionEmbeddings = readonly [cos: Tensor, sin: Tensor];

/** The fields that a rotary embedding is made from. */
export interface RotaryConfig {
  readonly head_dim: number;
  readonly max_position_embeddings: number;
  readonly rope_parameters: RopeParameters & { readonly rope_type: keyof typeof ROPE_INIT_FUNCTIONS };
}

/** Cosines and sines of the positions, the same for all layers. */
export class RotaryEmbedding extends ConfiguredModule<RotaryConfig> {
  rope: RopeInit;
  rope_init_fn: RopeInitFunction;
  rope_type: keyof typeof ROPE_INIT_FUNCTIONS;
  rope_parameters: RopeParameters;
  head_dim: number;
  max_position_embeddings: number;
  /** The longest sequence that dynamic frequencies were made for. */
  max_seq_len_cached: number;

  constructor(at: Scope, given: RotaryConfig, functions: Readonly<Record<string, RopeInitFunction>> = {}) {
    super(at, given);
    const { config } = this;
    const { rope_type, ...rope_parameters } = config.rope_parameters;
    this.rope_type = rope_type;
    this.rope_parameters = rope_parameters;
    this.rope_init_fn = functions[rope_type] ?? ROPE_INIT_FUNCTIONS[rope_type];
    this.head_dim = config.head_dim;
    this.max_position_embeddings = config.max_position_embeddings;
    this.max_seq_len_cached = config.max_position_embeddings;
    this.rope = this.init(null);
  }

  /** The frequencies for a sequence of `seq_len` tokens. */
  init(seq_len: number | null): RopeInit {
    const { max_position_embeddings } = this;
    return this.rope_init_fn(this.rope_parameters, this.head_dim, { max_position_embeddings, seq_len });
  }

  /**
   * Makes the frequencies that depend on the length of the running sequence again; the reference's
   * `dynamic_rope_update`.
   */
  update(seq_len: number): void {
    if (this.rope_type === "longrope") this.rope = { ...this.rope, inv_freq: this.init(seq_len).inv_freq };
    if (this.rope_type !== "dynamic") return;
    const grown = this.max_seq_len_cached;
    if (seq_len > grown) {
      this.rope = this.init(seq_len);
      this.max_seq_len_cached = seq_len;
    }
    if (seq_len < this.max_position_embeddings && grown > this.max_position_embeddings) {
      this.rope = this.init(null);
      this.max_seq_len_cached = this.max_position_embeddings;
    }
  }

  forward(x: Tensor, position_ids: IndexTensor): PositionEmbeddings {
    this.update(position_ids.data.reduce((longest, position) => Math.max(longest, position), 0) + 1);
    const { inv_freq, attention_scaling } = this.rope;
    const tables = () => this.table(position_ids.data, inv_freq, attention_scaling);
    return position_embeddings(x, position_ids, { width: inv_freq.length * 2, tables });
  }

  /** The tables of cosines and sines, the frequencies in the order of the channels that they rotate. */
  table(positions: Int32Array, inv_freq: Float32Array, scaling: number): ReturnType<typeof rotary_tables> {
    return rotary_tables(positions, inv_freq, scaling);
  }
}

/** Rotates the first `partial_rotary_factor` of the channels, with every kind of rope. */
export class PartialRotaryEmbedding extends RotaryEmbedding {
  constructor(at: Scope, config: RotaryConfig) {
    super(at, config, { default: compute_partial_rope_parameters });
  }
}

/** Tables [B, S, width] over `position_ids` [B, S] in the dtype of `x`; not even made where `x` has no data. */
export function position_embeddings(
  x: Tensor,
  position_ids: IndexTensor,
  { width, tables }: { width: number; tables: () => ReturnType<typeof rotary_tables> },
): PositionEmbeddings {
  const shape = [...position_ids.shape, width];
  if (x.data === null) return [floatTensor(shape, null, x.dtype), floatTensor(shape, null, x.dtype)];
  const { cos, sin } = tables();
  return [roundedTensor(shape, cos, x.dtype), roundedTensor(shape, sin, x.dtype)];
}

/** `(x * cos) + (rotate_half(x) * sin)` for x [B, S, heads, D], cos and sin [B, S, D]. */
export function apply_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  const [heads, dim] = [x.size(2), x.size(3)];
  for (const table of [cos, sin]) expectShape("rotary table", table.shape, [x.size(0), x.size(1), dim]);
  if (x.data === null || cos.data === null || sin.data === null) return floatTensor(x.shape, null, x.dtype);
  const rounded = x.dtype === "F32" ? null : round[x.dtype];
  const rotated = apply_rotary(x.data, cos.data, sin.data, { heads, dim, round: rounded });
  return roundedTensor(x.shape, rotated, x.dtype);
}

/**
 * Rotates as `apply_rotary_pos_emb` does, with channels paired as (2i, 2i + 1) and tables that hold each frequency
 * twice in a row.
 */
export function apply_interleaved_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  const [heads, dim] = [x.size(2), x.size(3)];
  for (const table of [cos, sin]) expectShape("rotary table", table.shape, [x.size(0), x.size(1), dim]);
  if (x.data === null || cos.data === null || sin.data === null) return floatTensor(x.shape, null, x.dtype);
  const rotated = apply_interleaved_rotary(x.data, cos.data, sin.data, { heads, dim, round: round[x.dtype] });
  return roundedTensor(x.shape, rotated, x.dtype);
}

/** The first channels rotated, as many as the tables have; the others pass through. */
export function apply_partial_rotary_pos_emb(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  const [dim, rotary_dim] = [x.size(3), cos.size(2)];
  if (rotary_dim === dim) return apply_rotary_pos_emb(x, cos, sin);
  const rotated = apply_rotary_pos_emb(slice(x, 3, 0, rotary_dim), cos, sin);
  return concat([rotated, slice(x, 3, rotary_dim, dim)], 3);
}
