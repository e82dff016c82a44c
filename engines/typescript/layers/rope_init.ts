/**
 * Inverse frequencies of every kind of rope, each step rounded to float32 where the reference's is.
 * Source: transformers 5.24.0, `modeling_rope_utils.py`; the functions carry its names.
 */

/**
 * The rope parameters of one layer type. What a kind of rope needs and a config lacks is refused when the frequencies
 * are made.
 */
export interface RopeParameters {
  readonly rope_theta: number;
  /** Share of the head's channels that is rotated. */
  readonly partial_rotary_factor?: number | undefined;
  readonly factor?: number | null | undefined;
  readonly original_max_position_embeddings?: number | undefined;
  readonly attention_factor?: number | null | undefined;
  readonly beta_fast?: number | undefined;
  readonly beta_slow?: number | undefined;
  readonly mscale?: number | undefined;
  readonly mscale_all_dim?: number | undefined;
  readonly truncate?: boolean | undefined;
  readonly low_freq_factor?: number | undefined;
  readonly high_freq_factor?: number | undefined;
  readonly short_factor?: readonly number[] | undefined;
  readonly long_factor?: readonly number[] | undefined;
}

/** Inverse frequencies [rotated channels / 2], and what cosines and sines are multiplied by. */
export interface RopeInit {
  inv_freq: Float32Array;
  attention_scaling: number;
}

/** Lengths that some kinds of rope depend on. */
export interface RopeLengths {
  readonly max_position_embeddings: number;
  /** Length of the running sequence; null before there is one. */
  readonly seq_len: number | null;
}

/** Makes the frequencies of one kind of rope. */
export type RopeInitFunction = (rope: RopeParameters, head_dim: number, lengths: RopeLengths) => RopeInit;

/** The original rope: `theta ^ -(2i / head_dim)`. */
export function compute_default_rope_parameters(rope: RopeParameters, head_dim: number): RopeInit {
  return { inv_freq: inverse_frequencies(rope.rope_theta, head_dim, Math.ceil(head_dim / 2)), attention_scaling: 1 };
}

/** The original rope over the first `partial_rotary_factor` of the channels. */
export function compute_partial_rope_parameters(rope: RopeParameters, head_dim: number): RopeInit {
  return compute_default_rope_parameters(rope, rotated(rope, head_dim));
}

/** All frequencies divided by `factor`. */
export function compute_linear_scaling_rope_parameters(rope: RopeParameters, head_dim: number): RopeInit {
  const { inv_freq } = compute_partial_rope_parameters(rope, head_dim);
  const factor = needed(rope, "factor");
  return { inv_freq: inv_freq.map((frequency) => frequency / factor), attention_scaling: 1 };
}

/**
 * Proportional rope: only the first `partial_rotary_factor` of the frequencies rotate, spaced as in the full head; the
 * others are 0, so that those channels pass through.
 */
export function compute_proportional_rope_parameters(rope: RopeParameters, head_dim: number): RopeInit {
  const { rope_theta, partial_rotary_factor = 1, factor } = rope;
  const rope_angles = Math.floor(Math.floor(partial_rotary_factor * head_dim) / 2);
  const inv_freq = new Float32Array(Math.floor(head_dim / 2));
  inv_freq.set(inverse_frequencies(rope_theta, head_dim, rope_angles).map((frequency) => frequency / (factor ?? 1)));
  return { inv_freq, attention_scaling: 1 };
}

/** NTK scaling: theta grows with the length of the running sequence beyond `max_position_embeddings`. */
export function compute_dynamic_ntk_parameters(
  rope: RopeParameters,
  head_dim: number,
  { max_position_embeddings, seq_len }: RopeLengths,
): RopeInit {
  const dim = rotated(rope, head_dim);
  const factor = needed(rope, "factor");
  const length = Math.max(seq_len ?? 0, max_position_embeddings);
  const stretch = ((factor * length) / max_position_embeddings - (factor - 1)) ** (dim / (dim - 2));
  return compute_default_rope_parameters({ rope_theta: rope.rope_theta * stretch }, dim);
}

/**
 * YaRN: fast channels keep their frequency, slow ones are divided by `factor`, with a ramp between; see the paper,
 * arXiv 2309.00071.
 */
export function compute_yarn_parameters(
  rope: RopeParameters,
  head_dim: number,
  { max_position_embeddings }: RopeLengths,
): RopeInit {
  const { rope_theta: base, mscale, mscale_all_dim, beta_fast = 32, beta_slow = 1, truncate = true } = rope;
  const dim = rotated(rope, head_dim);
  const original = needed(rope, "original_max_position_embeddings");
  const factor = rope.factor ?? max_position_embeddings / original;

  const get_mscale = (scale: number, mscale = 1) => (scale <= 1 ? 1 : 0.1 * mscale * Math.log(scale) + 1);
  const by_mscale =
    mscale && mscale_all_dim ? get_mscale(factor, mscale) / get_mscale(factor, mscale_all_dim) : get_mscale(factor);

  const find_correction_dim = (rotations: number) =>
    (dim * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(base));
  let [low, high] = [find_correction_dim(beta_fast || 32), find_correction_dim(beta_slow || 1)];
  if (truncate) [low, high] = [Math.floor(low), Math.ceil(high)];
  [low, high] = [Math.max(low, 0), Math.min(high, dim - 1)];
  if (low === high) high += 0.001; // prevents a division by zero
  const inv_freq = inverse_frequencies(base, dim, Math.ceil(dim / 2)).map((extrapolation, i) => {
    const extrapolation_factor = Math.fround(1 - Math.min(Math.max((i - low) / (high - low), 0), 1));
    return (extrapolation / factor) * (1 - extrapolation_factor) + extrapolation * extrapolation_factor;
  });
  return { inv_freq, attention_scaling: rope.attention_factor ?? by_mscale };
}

/**
 * LongRoPE: one divisor per frequency, `long_factor` in sequences beyond the original length, else `short_factor`; see
 * the paper, arXiv 2402.13753.
 */
export function compute_longrope_parameters(
  rope: RopeParameters,
  head_dim: number,
  { max_position_embeddings, seq_len }: RopeLengths,
): RopeInit {
  const dim = rotated(rope, head_dim);
  const original = needed(rope, "original_max_position_embeddings");
  const factor = rope.factor ?? max_position_embeddings / original;
  const by_factor = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const ext_factors = needed(rope, (seq_len ?? 0) > original ? "long_factor" : "short_factor");
  const frequencies = inverse_frequencies(rope.rope_theta, dim, Math.ceil(dim / 2));
  if (ext_factors.length !== frequencies.length)
    throw new RangeError(`rope_parameters: expected ${frequencies.length} factors, found ${ext_factors.length}`);
  const inv_freq = frequencies.map((frequency, i) => frequency / ext_factors[i]!);
  return { inv_freq, attention_scaling: rope.attention_factor ?? by_factor };
}

/**
 * Llama 3.1: wavelengths beyond the original length are divided by `factor`, those well below it are kept, with a
 * smooth step between.
 */
export function compute_llama3_parameters(rope: RopeParameters, head_dim: number): RopeInit {
  const [factor, low_freq_factor] = [needed(rope, "factor"), needed(rope, "low_freq_factor")];
  const high_freq_factor = needed(rope, "high_freq_factor");
  const old_context_len = needed(rope, "original_max_position_embeddings");
  const { inv_freq } = compute_partial_rope_parameters(rope, head_dim);
  const scaled = inv_freq.map((frequency) => {
    const wavelen = (2 * Math.PI) / frequency;
    if (wavelen < old_context_len / high_freq_factor) return frequency;
    if (wavelen > old_context_len / low_freq_factor) return frequency / factor;
    const smooth_factor = (old_context_len / wavelen - low_freq_factor) / (high_freq_factor - low_freq_factor);
    return ((1 - smooth_factor) * frequency) / factor + smooth_factor * frequency;
  });
  return { inv_freq: scaled, attention_scaling: 1 };
}

/** The functions by `rope_type`. Configs with another type are refused when they are read. */
export const ROPE_INIT_FUNCTIONS = {
  default: compute_default_rope_parameters,
  linear: compute_linear_scaling_rope_parameters,
  dynamic: compute_dynamic_ntk_parameters,
  yarn: compute_yarn_parameters,
  longrope: compute_longrope_parameters,
  llama3: compute_llama3_parameters,
  proportional: compute_proportional_rope_parameters,
} as const satisfies Record<string, RopeInitFunction>;

function inverse_frequencies(theta: number, dim: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 1 / Math.fround(theta ** Math.fround((2 * i) / dim)));
}

/** Number of channels that rotate. */
function rotated({ partial_rotary_factor = 1 }: RopeParameters, head_dim: number): number {
  return Math.floor(head_dim * partial_rotary_factor);
}

function needed<K extends keyof RopeParameters>(rope: RopeParameters, key: K): NonNullable<RopeParameters[K]> {
  const value = rope[key];
  if (value === undefined || value === null) throw new RangeError(`rope_parameters: expected ${key}, found none`);
  return value;
}
