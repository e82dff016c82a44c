/**
 * The two products of an attention. Query heads that read the same key head are one matrix where they stand side by
 * side. Arguments of both: see `AttentionSizes` in ../attention.ts.
 */
import { begin, count, pointer } from "./arguments";
import { BLOCK, matmul } from "./matmul";

/** The key head that query head `head` reads, of those that are in memory. */
@inline
function keyHead(args: usize, head: i32): i32 {
  const heads = count(args, 6);
  const kv_heads = count(args, 8);
  return min(<i32>((<i64>head * kv_heads) / heads), count(args, 9) - 1);
}

/**
 * `query @ key.T`. Arguments: query [B, stored heads, S, D], key [B, stored kv heads, room, D] of which T tokens are
 * used, out [B, heads, S, T], B, S, T, heads, stored heads, kv heads, stored kv heads, channels used, D, room, query
 * heads in one task.
 */
export function attention_scores(args: usize, part: i32, parts: i32): void {
  const batch = count(args, 3);
  const queries = count(args, 4);
  const keys = count(args, 5);
  const heads = count(args, 6);
  const stored_heads = count(args, 7);
  const stored_kv_heads = count(args, 9);
  const width = count(args, 10);
  const stride = <usize>count(args, 11) << 2;
  const room = count(args, 12);
  const group = count(args, 13);
  const tasks = batch * (heads / group);
  const last = begin(tasks, part + 1, parts, 1);
  for (let task = begin(tasks, part, parts, 1); task < last; task++) {
    const b = task / (heads / group);
    const head = (task % (heads / group)) * group;
    const query = pointer(args, 0) + <usize>(b * stored_heads + min(head, stored_heads - 1)) * queries * stride;
    const key = pointer(args, 1) + <usize>(b * stored_kv_heads + keyHead(args, head)) * room * stride;
    const out = pointer(args, 2) + ((<usize>(b * heads + head) * queries * keys) << 2);
    matmul<f32>(query, stride, key, stride, out, <usize>keys << 2, group * queries, width, 0, keys, 0);
  }
}

/**
 * `probs @ value`, heads moved behind positions. Arguments: probs [B, heads, S, T], value [B, stored kv heads, room,
 * D], out [B, S, heads, computed channels], the same counts, then the number of computed channels: those beyond D are
 * 0. Sums run over tokens: blocks of 256, one by one in a block.
 */
export function attention_context(args: usize, part: i32, parts: i32): void {
  const batch = count(args, 3);
  const queries = count(args, 4);
  const keys = count(args, 5);
  const heads = count(args, 6);
  const stored_kv_heads = count(args, 9);
  const width = count(args, 10);
  const stride = <usize>count(args, 11) << 2;
  const room = count(args, 12);
  const dim = count(args, 14);
  const tasks = batch * heads;
  const last = begin(tasks, part + 1, parts, 1);
  for (let task = begin(tasks, part, parts, 1); task < last; task++) {
    const b = task / heads;
    const head = task % heads;
    const value = pointer(args, 1) + <usize>(b * stored_kv_heads + keyHead(args, head)) * room * stride;
    const probs = pointer(args, 0) + ((<usize>task * queries * keys) << 2);
    const out = pointer(args, 2) + ((<usize>(b * queries * heads + head) * dim) << 2);
    const out_stride = <usize>(heads * dim) << 2;
    for (let s = 0; s < queries; s++) memory.fill(out + <usize>s * out_stride, 0, <usize>dim << 2);
    for (let t = 0; t < keys; t += BLOCK) {
      const tokens = min(BLOCK, keys - t);
      const weights = probs + (<usize>t << 2);
      const values = value + <usize>t * stride;
      let s = 0;
      for (; s + 2 <= queries; s += 2)
        weigh<i32>(weights + ((<usize>s * keys) << 2), <usize>keys << 2, values, stride, tokens, width, out + <usize>s * out_stride, out_stride);
      if (s < queries)
        weigh<f32>(weights + ((<usize>s * keys) << 2), 0, values, stride, tokens, width, out + <usize>s * out_stride, 0);
    }
  }
}

/**
 * Adds the weighted sum of `tokens` rows to one row of the result (`f32`) or to two at once (`i32`), 16 channels at a
 * time.
 */
@inline
function weigh<R>(
  weights: usize, weight_stride: usize, values: usize, stride: usize, tokens: i32, width: i32, out: usize, out_stride: usize,
): void {
  let d = 0;
  for (; d + 16 <= width; d += 16) {
    let a0 = f32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    let from = values + (<usize>d << 2);
    for (let t = 0; t < tokens; t++, from += stride) {
      const v0 = v128.load(from);
      const v1 = v128.load(from, 16);
      const v2 = v128.load(from, 32);
      const v3 = v128.load(from, 48);
      const a = v128.load32_splat(weights + (<usize>t << 2));
      a0 = f32x4.add(a0, f32x4.mul(a, v0));
      a1 = f32x4.add(a1, f32x4.mul(a, v1));
      a2 = f32x4.add(a2, f32x4.mul(a, v2));
      a3 = f32x4.add(a3, f32x4.mul(a, v3));
      if (isInteger<R>()) {
        const b = v128.load32_splat(weights + weight_stride + (<usize>t << 2));
        b0 = f32x4.add(b0, f32x4.mul(b, v0));
        b1 = f32x4.add(b1, f32x4.mul(b, v1));
        b2 = f32x4.add(b2, f32x4.mul(b, v2));
        b3 = f32x4.add(b3, f32x4.mul(b, v3));
      }
    }
    const target = out + (<usize>d << 2);
    accumulate(target, a0, a1, a2, a3);
    if (isInteger<R>()) accumulate(target + out_stride, b0, b1, b2, b3);
  }
  for (; d < width; d++) {
    channel(weights, values + (<usize>d << 2), stride, tokens, out + (<usize>d << 2));
    if (isInteger<R>()) channel(weights + weight_stride, values + (<usize>d << 2), stride, tokens, out + out_stride + (<usize>d << 2));
  }
}

@inline
function accumulate(out: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(out, f32x4.add(v128.load(out), a));
  v128.store(out, f32x4.add(v128.load(out, 16), b), 16);
  v128.store(out, f32x4.add(v128.load(out, 32), c), 32);
  v128.store(out, f32x4.add(v128.load(out, 48), d), 48);
}

function channel(weights: usize, values: usize, stride: usize, tokens: i32, out: usize): void {
  let sum: f32 = 0;
  for (let t: usize = 0; t < <usize>tokens; t++) sum += load<f32>(weights + (t << 2)) * load<f32>(values + t * stride);
  store<f32>(out, load<f32>(out) + sum);
}

/**
 * Scores with `lowest` added where the mask is 0. Arguments: scores [B, heads, S, T], mask [B, 1, S, T] bytes, out, B,
 * heads, S * T, lowest.
 */
export function mask_scores(args: usize, part: i32, parts: i32): void {
  const batch = count(args, 3);
  const heads = count(args, 4);
  const block = <usize>count(args, 5);
  const lowest = load<f32>(args, 24);
  const last = begin(batch * heads, part + 1, parts, 1);
  for (let task = begin(batch * heads, part, parts, 1); task < last; task++) {
    const scores = pointer(args, 0) + ((<usize>task * block) << 2);
    const mask = pointer(args, 1) + <usize>(task / heads) * block;
    const out = pointer(args, 2) + ((<usize>task * block) << 2);
    let i: usize = 0;
    for (; i + 4 <= block; i += 4) {
      const allowed = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(mask + i)));
      const penalty = v128.and(i32x4.eq(allowed, i32x4.splat(0)), f32x4.splat(lowest));
      v128.store(out + (i << 2), f32x4.add(v128.load(scores + (i << 2)), penalty));
    }
    for (; i < block; i++)
      store<f32>(out + (i << 2), load<f32>(scores + (i << 2)) + (load<u8>(mask + i) == 0 ? lowest : <f32>0));
  }
}
