/** Transcendental functions of four float32 numbers, about 1 ulp: polynomials in float32, so that they have the same bits on every machine. */

const LOG2E: f32 = 1.44269504088896341;
/** ln 2 in two parts, of which the first has trailing zeros: n * LN2_HIGH is exact. */
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440e-4;

@inline
function horner(sum: v128, x: v128, coefficient: f32): v128 {
  return f32x4.add(f32x4.mul(sum, x), f32x4.splat(coefficient));
}

/** 1.5 * 2^23: added to a float32 number below 2^22 it leaves the nearest whole number in the lowest bits. */
const MAGIC: f32 = 12582912;

/**
 * `e^x`; below -87.3 and above 88 it stays what it is there, NaN is NaN. `x = n ln 2 + r`, a polynomial of degree 7 in r, times 2^n by adding n to the
 * exponent.
 * Coefficients: S. Moshier, Cephes, expf.
 */
@inline
export function exp4(x: v128): v128 {
  return expAbove(f32x4.pmin(x, f32x4.splat(88.0)));
}

/** `e^x` for x up to 88. */
@inline
function expAbove(x: v128): v128 {
  const clamped = f32x4.pmax(x, f32x4.splat(-87.3));
  const shifted = f32x4.add(f32x4.mul(clamped, f32x4.splat(LOG2E)), f32x4.splat(MAGIC));
  const n = f32x4.sub(shifted, f32x4.splat(MAGIC));
  let r = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(LN2_HIGH)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(LN2_LOW)));
  let p = f32x4.splat(1.9875691500e-4);
  p = horner(p, r, 1.3981999507e-3);
  p = horner(p, r, 8.3334519073e-3);
  p = horner(p, r, 4.1665795894e-2);
  p = horner(p, r, 1.6666665459e-1);
  p = horner(p, r, 5.0000001201e-1);
  const y = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  return f32x4.mul(y, i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(127 << 23)));
}

/** `e^x` for x up to 0, and 0 below -87.3: what is masked weighs nothing at all. */
@inline
export function expWeight4(x: v128): v128 {
  return v128.andnot(expAbove(x), f32x4.lt(x, f32x4.splat(-87.3)));
}

/** `1 / (1 + e^-x)`. */
@inline
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

/** Hyperbolic tangent: an odd polynomial below 0.625, `1 - 2 / (e^2x + 1)` above. Coefficients: S. Moshier, Cephes, tanhf. */
@inline
export function tanh4(x: v128): v128 {
  const one = f32x4.splat(1);
  const z = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = horner(p, square, 2.06390887954e-2);
  p = horner(p, square, -5.37397155531e-2);
  p = horner(p, square, 1.33314422036e-1);
  p = horner(p, square, -3.33332819422e-1);
  const small = f32x4.add(f32x4.mul(f32x4.mul(p, square), x), x);
  const large = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(exp4(f32x4.add(z, z)), one)));
  const signed = v128.bitselect(large, x, i32x4.splat(0x7fffffff));
  return v128.bitselect(small, signed, f32x4.lt(z, f32x4.splat(0.625)));
}

/**
 * The error function: an odd rational approximation in float32 up to 3.92, where it is 1 to within rounding; NaN for NaN.
 * Coefficients: those that Eigen and XLA use for float32.
 */
@inline
export function erf4(x: v128): v128 {
  const z = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-4)), f32x4.splat(4));
  const square = f32x4.mul(z, z);
  let p = f32x4.splat(-2.72614225801306e-10);
  p = horner(p, square, 2.77068142495902e-8);
  p = horner(p, square, -2.10102402082508e-6);
  p = horner(p, square, -5.69250639462346e-5);
  p = horner(p, square, -7.34990630326855e-4);
  p = horner(p, square, -2.9545998085402e-3);
  p = horner(p, square, -1.60960333262415e-2);
  let q = f32x4.splat(-1.45660718464996e-5);
  q = horner(q, square, -2.13374055278905e-4);
  q = horner(q, square, -1.68282697438203e-3);
  q = horner(q, square, -7.37332916720468e-3);
  q = horner(q, square, -1.42647390514189e-2);
  return f32x4.div(f32x4.mul(z, p), q);
}
