import { MAX_THREADS, memoryOf } from "./memory.ts";

/**
 * Sizes of a gated delta rule over `length` positions; `value_heads / key_heads` value heads share one query and one
 * key.
 */
export interface DeltaRuleSizes {
  readonly batch: number;
  readonly length: number;
  readonly key_heads: number;
  readonly value_heads: number;
  readonly key_dim: number;
  readonly value_dim: number;
}

/**
 * `query` and `key` [B, T, key_heads, key_dim], `value` [B, T, value_heads, value_dim], `g` (log of the decay) and
 * `beta` [B, T, value_heads].
 */
export interface DeltaRuleInputs {
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly g: Float32Array;
  readonly beta: Float32Array;
}

/**
 * The gated delta rule, one position after the other: the state S [key_dim, value_dim] decays by exp(g), then what it
 * has under `key` moves by `beta` towards `value`, then `query` reads it; see the paper, arXiv 2412.06464. `state` [B,
 * value_heads, key_dim, value_dim] is where it starts (null: zeros). Returns the readings [B, T, value_heads,
 * value_dim] and the state after the last position, in float64, rounded once.
 */
export function gated_delta_rule(
  { query, key, value, g, beta }: DeltaRuleInputs,
  { batch, length, key_heads, value_heads, key_dim, value_dim }: DeltaRuleSizes,
  state: Float32Array | null,
): { out: Float32Array; state: Float32Array } {
  const size = batch * value_heads * key_dim * value_dim;
  const running = state ? Float64Array.from(state) : new Float64Array(size);
  const decay = Float64Array.from(g, Math.exp);
  const memory = memoryOf(value);
  const out = memory.result(value.length, (address) =>
    memory.change(running, (states) => {
      const inputs = [query, key, value, decay, beta].map((array) => memory.place(array));
      const sums = memory.push(2 * MAX_THREADS * value_dim * 8);
      const sizes = [batch, length, key_heads, value_heads, key_dim, value_dim];
      memory.run("gated_delta_rule", [...inputs, states, address, sums, ...sizes], 2 * length * size);
    }),
  );
  return { out, state: Float32Array.from(running) };
}

/** Each row of `x` [rows, width] divided by its Euclidean length: `x * (sum(x^2) + eps)^-0.5`. */
export function l2_norm(x: Float32Array, width: number, eps: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let squares = 0;
    for (let i = start; i < start + width; i++) squares += x[i]! * x[i]!;
    const factor = Math.fround((squares + eps) ** -0.5);
    for (let i = start; i < start + width; i++) out[i] = x[i]! * factor;
  }
  return out;
}
