/**
 * `x @ w.T`: every number of the result is a dot product of two rows, and is summed in one order whatever the shapes
 * are: blocks of 256 products, in a block four lanes (product k goes to lane k mod 4), `(l0 + l1) + (l2 + l3)`, then
 * what is left of a block when its length is no multiple of 4, one by one; the sums of the blocks one after the other.
 * Multiplications and additions are rounded separately. So a token has the same bits alone and in a batch, in a prefill
 * and in a decode step.
 */
import { begin, count, pointer } from "./arguments";
import { bytes, expand, load1, load4 } from "./formats";

/** Products that are summed before they are added to the total. */
export const BLOCK: i32 = 256;
/** Columns of which a block is kept in the first-level cache while all rows of x pass by. */
const PANEL: i32 = 48;
/** From this many rows on packed weights are expanded once for all rows. */
const EXPAND_ROWS: i32 = 4;
/** Bytes of scratch that a part needs: an expanded panel. */
export const SCRATCH_BYTES: i32 = PANEL * BLOCK * 4;

@inline
function sum(lanes: v128): f32 {
  return (
    f32x4.extract_lane(lanes, 0) +
    f32x4.extract_lane(lanes, 1) +
    (f32x4.extract_lane(lanes, 2) + f32x4.extract_lane(lanes, 3))
  );
}

@inline
function multiplyAdd(lanes: v128, a: v128, b: v128): v128 {
  return f32x4.add(lanes, f32x4.mul(a, b));
}

/** `x`: up to 256 numbers; adds their products with the stored numbers at `w` to `out`. */
@inline
function dot<W>(x: usize, w: usize, length: usize, out: usize): void {
  const whole = length & ~3;
  let lanes = f32x4.splat(0);
  let k: usize = 0;
  for (; k < whole; k += 4) lanes = multiplyAdd(lanes, v128.load(x + (k << 2)), load4<W>(w, k));
  let block = sum(lanes);
  for (; k < length; k++) block += load<f32>(x + (k << 2)) * load1<W>(w, k);
  store<f32>(out, load<f32>(out) + block);
}

/** Adds the sums of four lanes each to four numbers at `out`: lanes turned into rows. */
@inline
function accumulate4(out: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 2, 4, 6), v128.shuffle<f32>(c, d, 1, 3, 5, 7));
  const sums = f32x4.add(v128.shuffle<f32>(ab, cd, 0, 2, 4, 6), v128.shuffle<f32>(ab, cd, 1, 3, 5, 7));
  v128.store(out, f32x4.add(v128.load(out), sums));
}

/** One row of x with eight of w: as many streams as keep the memory busy. `length` is a multiple of 4. */
@inline
function dot8<W>(x: usize, w: usize, stride: usize, length: usize, out: usize): void {
  const w1 = w + stride;
  const w2 = w1 + stride;
  const w3 = w2 + stride;
  const w4 = w3 + stride;
  const w5 = w4 + stride;
  const w6 = w5 + stride;
  const w7 = w6 + stride;
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let a4 = a0;
  let a5 = a0;
  let a6 = a0;
  let a7 = a0;
  for (let k: usize = 0; k < length; k += 4) {
    const value = v128.load(x + (k << 2));
    a0 = multiplyAdd(a0, value, load4<W>(w, k));
    a1 = multiplyAdd(a1, value, load4<W>(w1, k));
    a2 = multiplyAdd(a2, value, load4<W>(w2, k));
    a3 = multiplyAdd(a3, value, load4<W>(w3, k));
    a4 = multiplyAdd(a4, value, load4<W>(w4, k));
    a5 = multiplyAdd(a5, value, load4<W>(w5, k));
    a6 = multiplyAdd(a6, value, load4<W>(w6, k));
    a7 = multiplyAdd(a7, value, load4<W>(w7, k));
  }
  accumulate4(out, a0, a1, a2, a3);
  accumulate4(out + 16, a4, a5, a6, a7);
}

/** Three rows of x with three of w, float32. `length` is a multiple of 4. */
@inline
function dot3x3(x: usize, x_stride: usize, w: usize, w_stride: usize, length: usize, out: usize, out_stride: usize): void {
  const x1 = x + x_stride;
  const x2 = x1 + x_stride;
  const w1 = w + w_stride;
  const w2 = w1 + w_stride;
  const end = length << 2;
  let a00 = f32x4.splat(0);
  let a01 = a00;
  let a02 = a00;
  let a10 = a00;
  let a11 = a00;
  let a12 = a00;
  let a20 = a00;
  let a21 = a00;
  let a22 = a00;
  for (let k: usize = 0; k < end; k += 16) {
    const v0 = v128.load(w + k);
    const v1 = v128.load(w1 + k);
    const v2 = v128.load(w2 + k);
    let value = v128.load(x + k);
    a00 = multiplyAdd(a00, value, v0);
    a01 = multiplyAdd(a01, value, v1);
    a02 = multiplyAdd(a02, value, v2);
    value = v128.load(x1 + k);
    a10 = multiplyAdd(a10, value, v0);
    a11 = multiplyAdd(a11, value, v1);
    a12 = multiplyAdd(a12, value, v2);
    value = v128.load(x2 + k);
    a20 = multiplyAdd(a20, value, v0);
    a21 = multiplyAdd(a21, value, v1);
    a22 = multiplyAdd(a22, value, v2);
  }
  accumulate3(out, a00, a01, a02);
  accumulate3(out + out_stride, a10, a11, a12);
  accumulate3(out + 2 * out_stride, a20, a21, a22);
}

@inline
function accumulate3(out: usize, a: v128, b: v128, c: v128): void {
  store<f32>(out, load<f32>(out) + sum(a));
  store<f32>(out, load<f32>(out, 4) + sum(b), 4);
  store<f32>(out, load<f32>(out, 8) + sum(c), 8);
}


/** Adds a block of the product of `rows` x `columns` rows, float32. */
function blockRows(
  x: usize, x_stride: usize, w: usize, w_stride: usize, out: usize, out_stride: usize,
  rows: i32, columns: i32, length: usize,
): void {
  const fits = (length & 3) == 0;
  let m = 0;
  if (fits)
    for (; m + 3 <= rows; m += 3) {
      const row = x + <usize>m * x_stride;
      const target = out + <usize>m * out_stride;
      let n = 0;
      for (; n + 3 <= columns; n += 3)
        dot3x3(row, x_stride, w + <usize>n * w_stride, w_stride, length, target + (<usize>n << 2), out_stride);
      for (let i: usize = 0; i < 3; i++)
        for (let j = n; j < columns; j++)
          dot<f32>(row + i * x_stride, w + <usize>j * w_stride, length, target + i * out_stride + (<usize>j << 2));
    }
  blockColumns<f32>(x + <usize>m * x_stride, x_stride, w, w_stride, out + <usize>m * out_stride, out_stride, rows - m, columns, length);
}

/** Adds a block of the product as `blockRows` does, eight columns at a time, for few rows. */
@inline
function blockColumns<W>(
  x: usize, x_stride: usize, w: usize, w_stride: usize, out: usize, out_stride: usize,
  rows: i32, columns: i32, length: usize,
): void {
  let n = 0;
  if ((length & 3) == 0)
    for (; n + 8 <= columns; n += 8)
      for (let m = 0; m < rows; m++)
        dot8<W>(x + <usize>m * x_stride, w + <usize>n * w_stride, w_stride, length, out + <usize>m * out_stride + (<usize>n << 2));
  for (; n < columns; n++)
    for (let m = 0; m < rows; m++)
      dot<W>(x + <usize>m * x_stride, w + <usize>n * w_stride, length, out + <usize>m * out_stride + (<usize>n << 2));
}

/** Columns [first, last) of the product; strides in bytes. */
export function matmul<W>(
  x: usize, x_stride: usize, w: usize, w_stride: usize, out: usize, out_stride: usize,
  rows: i32, inner: i32, first: i32, last: i32, scratch: usize,
): void {
  const width = <usize>(last - first) << 2;
  for (let m = 0; m < rows; m++) memory.fill(out + <usize>m * out_stride + (<usize>first << 2), 0, width);
  if (rows < EXPAND_ROWS) {
    for (let n = first; n < last; n += 8)
      for (let k = 0; k < inner; k += BLOCK)
        blockColumns<W>(
          x + (<usize>k << 2), x_stride, w + <usize>n * w_stride + bytes<W>(k), w_stride, out + (<usize>n << 2), out_stride,
          rows, min(8, last - n), min(BLOCK, inner - k),
        );
    return;
  }
  for (let k = 0; k < inner; k += BLOCK) {
    const length = <usize>min(BLOCK, inner - k);
    for (let n = first; n < last; n += PANEL) {
      const columns = min(PANEL, last - n);
      let panel = w + <usize>n * w_stride + bytes<W>(k);
      let stride = w_stride;
      if (!isFloat<W>()) {
        for (let j = 0; j < columns; j++) expand<W>(panel + <usize>j * w_stride, scratch + <usize>(j * BLOCK) * 4, length);
        panel = scratch;
        stride = BLOCK * 4;
      }
      blockRows(x + (<usize>k << 2), x_stride, panel, stride, out + (<usize>n << 2), out_stride, rows, columns, length);
    }
  }
}

/**
 * `x @ w.T + bias`. Arguments: x [rows, inner], w [columns, inner], bias [columns] or 0, out [rows, columns], rows,
 * inner, columns, format of w (0 float32, 1 bfloat16, 2 float16), scratch of SCRATCH_BYTES a part. The product is
 * rounded before the bias is added.
 */
export function linear(args: usize, part: i32, parts: i32): void {
  const x = pointer(args, 0);
  const w = pointer(args, 1);
  const bias = pointer(args, 2);
  const out = pointer(args, 3);
  const rows = count(args, 4);
  const inner = count(args, 5);
  const columns = count(args, 6);
  const format = count(args, 7);
  const scratch = pointer(args, 8) + <usize>(part * SCRATCH_BYTES);
  const first = begin(columns, part, parts, 24);
  const last = begin(columns, part + 1, parts, 24);
  const in_stride = <usize>inner << 2;
  const out_stride = <usize>columns << 2;
  if (format == 0) matmul<f32>(x, in_stride, w, in_stride, out, out_stride, rows, inner, first, last, scratch);
  else if (format == 1)
    matmul<u16>(x, in_stride, w, in_stride >> 1, out, out_stride, rows, inner, first, last, scratch);
  else matmul<i16>(x, in_stride, w, in_stride >> 1, out, out_stride, rows, inner, first, last, scratch);
  if (bias != 0)
    for (let m = 0; m < rows; m++)
      for (let n = first; n < last; n++) {
        const at = out + <usize>m * out_stride + (<usize>n << 2);
        store<f32>(at, load<f32>(at) + load<f32>(bias + (<usize>n << 2)));
      }
}
