/**
 * Recurrences over positions: the gated delta rule of Qwen3-Next and the state-space scan of Mamba 2. States are
 * float64; heads are shared out, positions follow one another.
 */
import { begin, count, pointer } from "./arguments";

/** One float32 number at `at`, as float64. */
@inline
function wide(at: usize): f64 {
  return <f64>load<f32>(at);
}

/**
 * The gated delta rule. Arguments: query and key [B, T, key heads, K] float32, value [B, T, heads, V] float32, decay
 * [B, T, heads] float64, beta [B, T, heads] float32, state [B, heads, K, V] float64, which is changed, out [B, T,
 * heads, V] float32, scratch of V float64 numbers a part and sum, then B, T, key heads, heads, K, V. Sums over K run in
 * order.
 */
export function gated_delta_rule(args: usize, part: i32, parts: i32): void {
  const batch = count(args, 8);
  const length = count(args, 9);
  const key_heads = count(args, 10);
  const heads = count(args, 11);
  const key_dim = count(args, 12);
  const value_dim = count(args, 13);
  const width = <usize>value_dim << 3;
  const memory = pointer(args, 7) + 2 * <usize>part * width;
  const reading = memory + width;
  const last = begin(batch * heads, part + 1, parts, 1);
  for (let task = begin(batch * heads, part, parts, 1); task < last; task++) {
    const b = task / heads;
    const h = task % heads;
    const state = pointer(args, 5) + <usize>task * <usize>key_dim * width;
    for (let t = 0; t < length; t++) {
      const row = <usize>((b * length + t) * heads + h);
      const narrow = <usize>(((b * length + t) * key_heads + (h * key_heads) / heads) * key_dim) << 2;
      const query = pointer(args, 0) + narrow;
      const key = pointer(args, 1) + narrow;
      const value = pointer(args, 2) + ((row * <usize>value_dim) << 2);
      const out = pointer(args, 6) + ((row * <usize>value_dim) << 2);
      const decay = load<f64>(pointer(args, 3) + (row << 3));
      const beta = wide(pointer(args, 4) + (row << 2));
      for (let d: usize = 0; d < width; d += 8) {
        store<f64>(memory + d, 0);
        store<f64>(reading + d, 0);
      }
      for (let n = 0; n < key_dim; n++) {
        const under = wide(key + (<usize>n << 2));
        const line = state + <usize>n * width;
        for (let d: usize = 0; d < width; d += 8) {
          const kept = load<f64>(line + d) * decay;
          store<f64>(line + d, kept);
          store<f64>(memory + d, load<f64>(memory + d) + kept * under);
        }
      }
      for (let d: usize = 0; d < width; d += 8)
        store<f64>(memory + d, (wide(value + (d >> 1)) - load<f64>(memory + d)) * beta);
      for (let n = 0; n < key_dim; n++) {
        const under = wide(key + (<usize>n << 2));
        const asked = wide(query + (<usize>n << 2));
        const line = state + <usize>n * width;
        for (let d: usize = 0; d < width; d += 8) {
          const moved = load<f64>(line + d) + under * load<f64>(memory + d);
          store<f64>(line + d, moved);
          store<f64>(reading + d, load<f64>(reading + d) + moved * asked);
        }
      }
      for (let d: usize = 0; d < width; d += 8) store<f32>(out + (d >> 1), <f32>load<f64>(reading + d));
    }
  }
}

/**
 * The scan, in float32: what is taken up and what is read is rounded, the state is not. Arguments: x [B, T, heads,
 * dim], dt [B, T, heads], decay [B, T, heads] float64, B and C [B, T, groups, N], D [heads], state [B, heads, dim, N]
 * float64, which is changed, out [B, T, heads, dim], then B, T, heads, groups, dim, N. Sums over N run in order.
 */
export function selective_scan(args: usize, part: i32, parts: i32): void {
  const batch = count(args, 8);
  const length = count(args, 9);
  const heads = count(args, 10);
  const groups = count(args, 11);
  const dim = count(args, 12);
  const size = count(args, 13);
  const last = begin(batch * heads, part + 1, parts, 1);
  for (let task = begin(batch * heads, part, parts, 1); task < last; task++) {
    const b = task / heads;
    const h = task % heads;
    const through = load<f32>(pointer(args, 5) + (<usize>h << 2));
    for (let t = 0; t < length; t++) {
      const row = <usize>((b * length + t) * heads + h);
      const group = <usize>(((b * length + t) * groups + (h * groups) / heads) * size) << 2;
      const step = load<f32>(pointer(args, 1) + (row << 2));
      const decay = load<f64>(pointer(args, 2) + (row << 3));
      for (let d = 0; d < dim; d++) {
        const at = (row * <usize>dim + d) << 2;
        const value = load<f32>(pointer(args, 0) + at);
        const state = pointer(args, 6) + ((<usize>(task * dim + d) * <usize>size) << 3);
        let sum: f64 = 0;
        for (let n = 0; n < size; n++) {
          const place = <usize>n << 2;
          const update = step * load<f32>(pointer(args, 3) + group + place) * value;
          const next = load<f64>(state + (place << 1)) * decay + <f64>update;
          store<f64>(state + (place << 1), next);
          sum += <f64>(<f32>next) * wide(pointer(args, 4) + group + place);
        }
        store<f32>(pointer(args, 7) + at, <f32>sum + value * through);
      }
    }
  }
}
