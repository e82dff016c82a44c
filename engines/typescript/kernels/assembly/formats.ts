/** Numbers as they are stored: float32, or packed in 16 bits and expanded when they are read. */

/**
 * Four float32 numbers whose bits are the packed bfloat16 numbers of `halves`: bfloat16 is the upper half of float32.
 */
@inline
export function expandBfloat16(halves: v128): v128 {
  return i32x4.shl(halves, 16);
}

/**
 * Four packed float16 numbers, sign-extended to 32 bits, as float32: exact, subnormal numbers too. Not for infinities
 * and NaN: those are never packed. The exponents differ by 112: as bits of float32 the number is 2^112 times too small,
 * which also normalises subnormal ones.
 */
@inline
export function expandFloat16(halves: v128): v128 {
  const bits = v128.and(i32x4.shl(halves, 13), i32x4.splat(0x8fffe000));
  return f32x4.mul(bits, f32x4.splat(reinterpret<f32>(0x77800000)));
}

/**
 * A storage format as a type: `f32`, `u16` for bfloat16, `i16` for float16. Four numbers at `at`, of which `index`
 * counts elements.
 */
@inline
export function load4<W>(at: usize, index: usize): v128 {
  if (isFloat<W>()) return v128.load(at + (index << 2));
  if (isSigned<W>()) return expandFloat16(v128.load16x4_s(at + (index << 1)));
  return expandBfloat16(v128.load16x4_u(at + (index << 1)));
}

/** One number at `at`. */
@inline
export function load1<W>(at: usize, index: usize): f32 {
  if (isFloat<W>()) return load<f32>(at + (index << 2));
  if (isSigned<W>()) return f32x4.extract_lane(expandFloat16(i32x4.splat(load<i16>(at + (index << 1)))), 0);
  return reinterpret<f32>(<u32>load<u16>(at + (index << 1)) << 16);
}

/** Bytes of `count` numbers. */
@inline
export function bytes<W>(count: usize): usize {
  return isFloat<W>() ? count << 2 : count << 1;
}

/** Writes `count` numbers at `from` as float32 to `to`. */
export function expand<W>(from: usize, to: usize, count: usize): void {
  let i: usize = 0;
  for (; i + 4 <= count; i += 4) v128.store(to + (i << 2), load4<W>(from, i));
  for (; i < count; i++) store<f32>(to + (i << 2), load1<W>(from, i));
}
