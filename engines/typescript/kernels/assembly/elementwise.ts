/** Operations on numbers one by one: each is rounded to float32 by itself. */
import { begin, count, number, pointer } from "./arguments";
import { gelu4, sigmoid4, tanh4 } from "./exponential";

/** Elements of a part begin at a multiple of this, a line of the cache. */
const GRAIN: i32 = 16;

/** `a + b`. Arguments: a, b, out, number of elements. */
export function add(args: usize, part: i32, parts: i32): void {
  const a = pointer(args, 0);
  const b = pointer(args, 1);
  const out = pointer(args, 2);
  const total = count(args, 3);
  const end = <usize>begin(total, part + 1, parts, GRAIN) << 2;
  let i = <usize>begin(total, part, parts, GRAIN) << 2;
  for (; i + 16 <= end; i += 16) v128.store(out + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
  for (; i < end; i += 4) store<f32>(out + i, load<f32>(a + i) + load<f32>(b + i));
}

/** `a * b`. Arguments: a, b, out, number of elements. */
export function mul(args: usize, part: i32, parts: i32): void {
  const a = pointer(args, 0);
  const b = pointer(args, 1);
  const out = pointer(args, 2);
  const total = count(args, 3);
  const end = <usize>begin(total, part + 1, parts, GRAIN) << 2;
  let i = <usize>begin(total, part, parts, GRAIN) << 2;
  for (; i + 16 <= end; i += 16) v128.store(out + i, f32x4.mul(v128.load(a + i), v128.load(b + i)));
  for (; i < end; i += 4) store<f32>(out + i, load<f32>(a + i) * load<f32>(b + i));
}

/** `a * factor`. Arguments: a, out, number of elements, factor. */
export function scale(args: usize, part: i32, parts: i32): void {
  const a = pointer(args, 0);
  const out = pointer(args, 1);
  const total = count(args, 2);
  const factor = number(args, 3);
  const end = <usize>begin(total, part + 1, parts, GRAIN) << 2;
  let i = <usize>begin(total, part, parts, GRAIN) << 2;
  for (; i + 16 <= end; i += 16) v128.store(out + i, f32x4.mul(v128.load(a + i), f32x4.splat(factor)));
  for (; i < end; i += 4) store<f32>(out + i, load<f32>(a + i) * factor);
}

/** Every row of a times one row. Arguments: a [rows, width], row [width], out, rows, width. */
export function mul_rows(args: usize, part: i32, parts: i32): void {
  const a = pointer(args, 0);
  const factors = pointer(args, 1);
  const out = pointer(args, 2);
  const rows = count(args, 3);
  const bytes = <usize>count(args, 4) << 2;
  const last = begin(rows, part + 1, parts, 1);
  for (let m = begin(rows, part, parts, 1); m < last; m++) {
    const from = a + <usize>m * bytes;
    const to = out + <usize>m * bytes;
    let i: usize = 0;
    for (; i + 16 <= bytes; i += 16) v128.store(to + i, f32x4.mul(v128.load(from + i), v128.load(factors + i)));
    for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(from + i) * load<f32>(factors + i));
  }
}

/** The activation functions, in the order of `vectorised` in ../activations.ts. */
@inline
function activated(kind: i32, x: v128): v128 {
  if (kind == 0) return f32x4.mul(x, sigmoid4(x)); // silu
  if (kind == 1) return gelu4(x);
  if (kind == 2) {
    // gelu_pytorch_tanh: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
    const cube = f32x4.mul(f32x4.mul(x, x), x);
    const inner = f32x4.mul(f32x4.splat(0.7978845608028654), f32x4.add(x, f32x4.mul(f32x4.splat(0.044715), cube)));
    return f32x4.mul(f32x4.mul(x, f32x4.splat(0.5)), f32x4.add(f32x4.splat(1), tanh4(inner)));
  }
  if (kind == 3) return f32x4.mul(x, sigmoid4(f32x4.mul(x, f32x4.splat(1.702)))); // quick_gelu
  if (kind == 4) return sigmoid4(x);
  return tanh4(x);
}

/** An activation function of every element. Arguments: x, out, number of elements, function. */
export function activate(args: usize, part: i32, parts: i32): void {
  const x = pointer(args, 0);
  const out = pointer(args, 1);
  const total = count(args, 2);
  const kind = count(args, 3);
  const end = <usize>begin(total, part + 1, parts, GRAIN) << 2;
  let i = <usize>begin(total, part, parts, GRAIN) << 2;
  for (; i + 16 <= end; i += 16) v128.store(out + i, activated(kind, v128.load(x + i)));
  for (; i < end; i += 4) store<f32>(out + i, f32x4.extract_lane(activated(kind, v128.load32_splat(x + i)), 0));
}

/** Rounds to bfloat16 in place, ties to even; NaN stays one. Arguments: x, number of elements. */
export function round_bf16(args: usize, part: i32, parts: i32): void {
  const x = pointer(args, 0);
  const total = count(args, 1);
  const end = <usize>begin(total, part + 1, parts, GRAIN) << 2;
  let i = <usize>begin(total, part, parts, GRAIN) << 2;
  for (; i + 16 <= end; i += 16) v128.store(x + i, bfloat16(v128.load(x + i)));
  for (; i < end; i += 4) store<u32>(x + i, i32x4.extract_lane(bfloat16(v128.load32_splat(x + i)), 0));
}

/**
 * Rounds float32 bits to bfloat16: adds half a unit, a little less where that keeps an even number, and cuts off the
 * rest.
 */
@inline
function bfloat16(bits: v128): v128 {
  const odd = v128.and(i32x4.shr_u(bits, 16), i32x4.splat(1));
  const rounded = v128.and(i32x4.add(i32x4.add(bits, i32x4.splat(0x7fff)), odd), i32x4.splat(0xffff0000));
  return v128.bitselect(rounded, i32x4.splat(0x7fc00000), f32x4.eq(bits, bits));
}

/** Rounds to float16 in place, ties to even. Arguments: x, number of elements. */
export function round_f16(args: usize, part: i32, parts: i32): void {
  const x = pointer(args, 0);
  const total = count(args, 1);
  const end = <usize>begin(total, part + 1, parts, GRAIN) << 2;
  let i = <usize>begin(total, part, parts, GRAIN) << 2;
  for (; i + 16 <= end; i += 16) v128.store(x + i, float16(v128.load(x + i)));
  for (; i < end; i += 4) store<u32>(x + i, i32x4.extract_lane(float16(v128.load32_splat(x + i)), 0));
}

/**
 * Adding and subtracting 2^13 times the number's own power of two (at least 2^-14, the smallest normal one) rounds to
 * the 11 bits that float16 has; what comes to 65520 or more is infinite.
 */
@inline
function float16(x: v128): v128 {
  const sign = v128.and(x, i32x4.splat(0x80000000));
  const z = f32x4.abs(x);
  const power = i32x4.max_s(v128.and(z, i32x4.splat(0x7f800000)), i32x4.splat(0x38800000));
  const magic = i32x4.add(power, i32x4.splat(13 << 23));
  const rounded = f32x4.sub(f32x4.add(z, magic), magic);
  const overflow = f32x4.ge(z, f32x4.splat(65520));
  const finite = v128.bitselect(f32x4.splat(Infinity), rounded, overflow);
  return v128.bitselect(v128.or(finite, sign), x, f32x4.eq(x, x));
}
