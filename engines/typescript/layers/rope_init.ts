/** The rope parameters of one layer type. */
export interface RopeParameters {
  readonly rope_theta: number;
  /** Share of the head's channels that is rotated. */
  readonly partial_rotary_factor?: number | undefined;
  readonly factor?: number | undefined;
}

/** Inverse frequencies [head_dim / 2], and what cosines and sines are multiplied by. */
export interface RopeInit {
  inv_freq: Float32Array;
  attention_scaling: number;
}

/** The original rope: `theta ^ -(2i / head_dim)`, every step rounded to float32 as in the reference. */
export function compute_default_rope_parameters(rope: RopeParameters, head_dim: number): RopeInit {
  return { inv_freq: inverse_frequencies(rope.rope_theta, head_dim, Math.ceil(head_dim / 2)), attention_scaling: 1 };
}

/**
 * Proportional rope: only the first `partial_rotary_factor` of the frequencies rotate, spaced as in the full head; the others are 0, so that those
 * channels pass through. Source: transformers 5.24.0, `modeling_rope_utils.py`, `_compute_proportional_rope_parameters`.
 */
export function compute_proportional_rope_parameters(rope: RopeParameters, head_dim: number): RopeInit {
  const { rope_theta, partial_rotary_factor = 1, factor = 1 } = rope;
  const rope_angles = Math.floor(Math.floor(partial_rotary_factor * head_dim) / 2);
  const inv_freq = new Float32Array(Math.floor(head_dim / 2));
  inv_freq.set(inverse_frequencies(rope_theta, head_dim, rope_angles).map((frequency) => frequency / factor));
  return { inv_freq, attention_scaling: 1 };
}

/** By `rope_type`. Configs with another type are refused when they are read. */
export const ROPE_INIT_FUNCTIONS = {
  default: compute_default_rope_parameters,
  proportional: compute_proportional_rope_parameters,
} as const;

function inverse_frequencies(theta: number, dim: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 1 / Math.fround(theta ** Math.fround((2 * i) / dim)));
}
