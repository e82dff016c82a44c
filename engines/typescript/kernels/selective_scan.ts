import { memoryOf } from "./memory.ts";

/** Sizes of a scan over `length` positions; `heads / groups` heads share one B and one C. */
export interface ScanSizes {
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  readonly groups: number;
  /** Channels of a head. */
  readonly dim: number;
  /** Width of the state of one channel. */
  readonly state_size: number;
}

/** `x` [B, T, heads, dim], `dt` [B, T, heads], `A` and `D` [heads], `B` and `C` [B, T, groups, state_size]. */
export interface ScanInputs {
  readonly x: Float32Array;
  readonly dt: Float32Array;
  readonly A: Float32Array;
  readonly B: Float32Array;
  readonly C: Float32Array;
  readonly D: Float32Array;
}

/**
 * The state-space recurrence of Mamba 2, one position after the other: `state = exp(dt A) state + dt B x`, `y = C state
 * + D x`; see the paper, arXiv 2405.21060. `state` [B, heads, dim, state_size] is where it starts (null: zeros).
 * `round` is applied where a step in the model's dtype rounds; without it that is float32. Returns y [B, T, heads, dim]
 * and the state after the last position, both accumulated in float64.
 */
export function selective_scan(
  inputs: ScanInputs,
  sizes: ScanSizes,
  { state, round }: { state: Float32Array | null; round: ((value: number) => number) | null },
): { y: Float32Array; state: Float32Array } {
  const { batch, length, heads, groups, dim, state_size } = sizes;
  const running = state ? Float64Array.from(state) : new Float64Array(batch * heads * dim * state_size);
  if (round !== null) return { y: rounded_scan(inputs, sizes, { running, round }), state: Float32Array.from(running) };
  const { x, dt, A, B, C, D } = inputs;
  const decay = Float64Array.from(dt, (step, row) => Math.exp(step * A[row % heads]!));
  const memory = memoryOf(x);
  const y = memory.result(x.length, (out) =>
    memory.change(running, (states) => {
      const from = [x, dt, decay, B, C, D].map((array) => memory.place(array));
      const counts = [batch, length, heads, groups, dim, state_size];
      memory.run("selective_scan", [...from, states, out, ...counts], x.length * state_size);
    }),
  );
  return { y, state: Float32Array.from(running) };
}

/** Computes y as `selective_scan` does, with every step rounded by `round`; `running`, the state, is changed. */
export function rounded_scan(
  { x, dt, A, B, C, D }: ScanInputs,
  { batch, length, heads, groups, dim, state_size }: ScanSizes,
  { running, round }: { running: Float64Array; round: (value: number) => number },
): Float32Array {
  const y = new Float32Array(x.length);
  for (let b = 0; b < batch; b++)
    for (let t = 0; t < length; t++)
      for (let h = 0; h < heads; h++) {
        const row = (b * length + t) * heads + h;
        const step = dt[row]!;
        const decay = Math.exp(step * A[h]!);
        const group = ((b * length + t) * groups + Math.floor((h * groups) / heads)) * state_size;
        for (let d = 0; d < dim; d++) {
          const value = x[row * dim + d]!;
          const start = ((b * heads + h) * dim + d) * state_size;
          let sum = 0;
          for (let n = 0; n < state_size; n++) {
            const update = round(round(step * B[group + n]!) * value);
            const next = running[start + n]! * decay + update;
            running[start + n] = next;
            sum += round(next) * C[group + n]!;
          }
          y[row * dim + d] = round(round(sum) + round(value * D[h]!));
        }
      }
  return y;
}
