/**
 * Norms and softmax over rows. Sums are float64: four lanes, element i in lane i mod 4, then `(l0 + l1) + (l2 + l3)`,
 * then the rest one by one.
 */
import { begin, count, pointer } from "./arguments";
import { expWeight4 } from "./exponential";

@inline
function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
}

@inline
function sum(low: v128, high: v128): f64 {
  return (
    f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1) + (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1))
  );
}

/**
 * `x * (mean(x^2) + eps)^-0.5`, the factor rounded to float32 first. Arguments: x [rows, width], out, rows, width, eps
 * (float64 in two words).
 */
export function rms_norm(args: usize, part: i32, parts: i32): void {
  const rows = count(args, 2);
  const width = count(args, 3);
  const eps = load<f64>(args, 16);
  const bytes = <usize>width << 2;
  const last = begin(rows, part + 1, parts, 1);
  for (let m = begin(rows, part, parts, 1); m < last; m++) {
    const x = pointer(args, 0) + <usize>m * bytes;
    const out = pointer(args, 1) + <usize>m * bytes;
    let a = f64x2.splat(0);
    let b = a;
    let i: usize = 0;
    for (; i + 16 <= bytes; i += 16) {
      const value = v128.load(x + i);
      const low = f64x2.promote_low_f32x4(value);
      const upper = high(value);
      a = f64x2.add(a, f64x2.mul(low, low));
      b = f64x2.add(b, f64x2.mul(upper, upper));
    }
    let squares = sum(a, b);
    for (; i < bytes; i += 4) squares += <f64>load<f32>(x + i) * <f64>load<f32>(x + i);
    const factor = <f32>(1 / Math.sqrt(squares / width + eps));
    for (i = 0; i + 16 <= bytes; i += 16) v128.store(out + i, f32x4.mul(v128.load(x + i), f32x4.splat(factor)));
    for (; i < bytes; i += 4) store<f32>(out + i, load<f32>(x + i) * factor);
  }
}

/**
 * `(x - mean) / sqrt(variance + eps) * weight + bias`, in float64 and rounded once. Arguments: x [rows, width], out,
 * rows, width, eps (float64 in two words), weight [width], bias [width] or 0.
 */
export function layer_norm(args: usize, part: i32, parts: i32): void {
  const rows = count(args, 2);
  const width = count(args, 3);
  const eps = load<f64>(args, 16);
  const weight = pointer(args, 6);
  const bias = pointer(args, 7);
  const bytes = <usize>width << 2;
  const last = begin(rows, part + 1, parts, 1);
  for (let m = begin(rows, part, parts, 1); m < last; m++) {
    const x = pointer(args, 0) + <usize>m * bytes;
    const out = pointer(args, 1) + <usize>m * bytes;
    let a = f64x2.splat(0);
    let b = a;
    let i: usize = 0;
    for (; i + 16 <= bytes; i += 16) {
      const value = v128.load(x + i);
      a = f64x2.add(a, f64x2.promote_low_f32x4(value));
      b = f64x2.add(b, high(value));
    }
    let total = sum(a, b);
    for (; i < bytes; i += 4) total += <f64>load<f32>(x + i);
    const mean = total / width;
    const means = f64x2.splat(mean);
    a = f64x2.splat(0);
    b = a;
    for (i = 0; i + 16 <= bytes; i += 16) {
      const value = v128.load(x + i);
      const low = f64x2.sub(f64x2.promote_low_f32x4(value), means);
      const upper = f64x2.sub(high(value), means);
      a = f64x2.add(a, f64x2.mul(low, low));
      b = f64x2.add(b, f64x2.mul(upper, upper));
    }
    let squares = sum(a, b);
    for (; i < bytes; i += 4) squares += (<f64>load<f32>(x + i) - mean) * (<f64>load<f32>(x + i) - mean);
    const factor = 1 / Math.sqrt(squares / width + eps);
    const factors = f64x2.splat(factor);
    for (i = 0; i + 16 <= bytes; i += 16) {
      const value = v128.load(x + i);
      const scales = v128.load(weight + i);
      const shifts = bias == 0 ? f32x4.splat(0) : v128.load(bias + i);
      const low = f64x2.mul(f64x2.mul(f64x2.sub(f64x2.promote_low_f32x4(value), means), factors), f64x2.promote_low_f32x4(scales));
      const upper = f64x2.mul(f64x2.mul(f64x2.sub(high(value), means), factors), high(scales));
      const left = f32x4.demote_f64x2_zero(f64x2.add(low, f64x2.promote_low_f32x4(shifts)));
      const right = f32x4.demote_f64x2_zero(f64x2.add(upper, high(shifts)));
      v128.store(out + i, v128.shuffle<f32>(left, right, 0, 1, 4, 5));
    }
    for (; i < bytes; i += 4) {
      const scaled = (<f64>load<f32>(x + i) - mean) * factor * <f64>load<f32>(weight + i);
      store<f32>(out + i, <f32>(scaled + (bias == 0 ? 0 : <f64>load<f32>(bias + i))));
    }
  }
}

/**
 * `e^(x - max)` times one over their sum, which is float64 until it is inverted. Arguments: x [rows, width], out, rows,
 * width.
 */
export function softmax(args: usize, part: i32, parts: i32): void {
  const rows = count(args, 2);
  const bytes = <usize>count(args, 3) << 2;
  const last = begin(rows, part + 1, parts, 1);
  for (let m = begin(rows, part, parts, 1); m < last; m++) {
    const x = pointer(args, 0) + <usize>m * bytes;
    const out = pointer(args, 1) + <usize>m * bytes;
    let largest = f32x4.splat(-Infinity);
    let i: usize = 0;
    for (; i + 16 <= bytes; i += 16) largest = f32x4.pmax(largest, v128.load(x + i));
    for (; i < bytes; i += 4) largest = f32x4.pmax(largest, v128.load32_splat(x + i));
    const most = max(
      max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
      max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
    );
    const maxima = f32x4.splat(most);
    let a = f64x2.splat(0);
    let b = a;
    for (i = 0; i + 16 <= bytes; i += 16) {
      const value = expWeight4(f32x4.sub(v128.load(x + i), maxima));
      v128.store(out + i, value);
      a = f64x2.add(a, f64x2.promote_low_f32x4(value));
      b = f64x2.add(b, high(value));
    }
    let total = sum(a, b);
    for (; i < bytes; i += 4) {
      const value = f32x4.extract_lane(expWeight4(f32x4.sub(v128.load32_splat(x + i), maxima)), 0);
      store<f32>(out + i, value);
      total += <f64>value;
    }
    const factor = <f32>(1 / total);
    for (i = 0; i + 16 <= bytes; i += 16) v128.store(out + i, f32x4.mul(v128.load(out + i), f32x4.splat(factor)));
    for (; i < bytes; i += 4) store<f32>(out + i, load<f32>(out + i) * factor);
  }
}
