/**
 * Transcendental functions of four float32 numbers, about 1 ulp: polynomials in float32, so that they have the same
 * bits on every machine.
 */

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
 * `e^x`; below -87.3 and above 88 it stays what it is there, NaN is NaN. `x = n ln 2 + r`, a polynomial of degree 7 in
 * r, times 2^n by adding n to the exponent.
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

/**
 * Hyperbolic tangent: an odd polynomial below 0.625, `1 - 2 / (e^2x + 1)` above. Coefficients: S. Moshier, Cephes,
 * tanhf.
 */
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

/** From this z on, 1 + erf(-z) is 0 in float64. */
const ERFC_END: f32 = 5.9;

/**
 * `x / 2 * (1 + erf(x / sqrt(2)))`. Where |x| < sqrt(2) with erf as an odd polynomial of degree 13, exact to 1.2e-9 of
 * itself; beyond with its complement, so that negative x keep their digits: trained models have whole channels there.
 * Coefficients of the complement, exact to 1.2e-7 of itself: Numerical Recipes, erfcc.
 */
@inline
export function gelu4(x: v128): v128 {
  const one = f32x4.splat(1);
  const half = f32x4.mul(x, f32x4.splat(0.5));
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.7071067811865476));
  const square = f32x4.mul(z, z);
  let p = f32x4.splat(7.85402018828315e-5);
  p = horner(p, square, -8.010245975391128e-4);
  p = horner(p, square, 5.188334331042349e-3);
  p = horner(p, square, -2.6853815991488394e-2);
  p = horner(p, square, 0.11283585269235089);
  p = horner(p, square, -0.37612625839645264);
  p = horner(p, square, 1.1283791657323448);
  const erf = v128.bitselect(f32x4.mul(z, p), x, i32x4.splat(0x7fffffff));
  const inner = f32x4.mul(half, f32x4.add(one, erf));
  const isInner = f32x4.lt(z, one);
  if (v128.all_true<i32>(isInner)) return inner; // most activations are small: the other half is then left out

  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(z, f32x4.splat(0.5))));
  let q = f32x4.splat(0.17087277);
  q = horner(q, t, -0.82215223);
  q = horner(q, t, 1.48851587);
  q = horner(q, t, -1.13520398);
  q = horner(q, t, 0.27886807);
  q = horner(q, t, -0.18628806);
  q = horner(q, t, 0.09678418);
  q = horner(q, t, 0.37409196);
  q = horner(q, t, 1.00002368);
  q = horner(q, t, -1.26551223);
  const tail = f32x4.mul(t, expAbove(f32x4.sub(q, square)));
  const erfc = v128.andnot(tail, f32x4.gt(z, f32x4.splat(ERFC_END)));
  const outer = f32x4.mul(half, v128.bitselect(erfc, f32x4.sub(f32x4.splat(2), erfc), f32x4.lt(x, f32x4.splat(0))));
  return v128.bitselect(inner, outer, isInner);
}
