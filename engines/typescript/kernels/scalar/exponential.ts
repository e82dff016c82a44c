/** Scalar twins of assembly/exponential.ts and of the activation functions in assembly/elementwise.ts. */

const f = Math.fround;
const numbers = new Float32Array(1);
const bits = new Int32Array(numbers.buffer);

function horner(coefficients: readonly number[], x: number): number {
  return coefficients.map(f).reduce((sum, coefficient) => f(f(sum * x) + coefficient));
}

function power2(n: number): number {
  bits[0] = (n + 127) << 23;
  return numbers[0]!;
}

/** 1.5 * 2^23: in float32, adding and subtracting it rounds to the nearest whole number. */
const MAGIC = 12_582_912;

export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  const clamped = Math.max(f(Math.min(x, 88)), f(-87.3));
  const n = f(f(f(clamped * f(Math.LOG2E)) + MAGIC) - MAGIC);
  const r = f(f(clamped - f(n * f(0.693359375))) - f(n * f(-2.1219444e-4)));
  const p = horner(
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
    r,
  );
  return f(f(f(f(p * f(r * r)) + r) + 1) * power2(n));
}

/** `e^x` for x up to 0, and 0 below -87.3. */
export function expWeight(x: number): number {
  return x < f(-87.3) ? 0 : exp(x);
}

export function sigmoid(x: number): number {
  return f(1 / f(1 + exp(-x)));
}

export function tanh(x: number): number {
  const z = Math.abs(x);
  if (z < 0.625) {
    const square = f(x * x);
    const p = horner(
      [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
      square,
    );
    return f(f(f(p * square) * x) + x);
  }
  return Math.sign(x) * f(1 - f(2 / f(exp(f(z + z)) + 1)));
}

/** erf(z) / z for z up to 1, by powers of z squared, the highest first. */
const erf_coefficients = [
  7.85402018828315e-5, -8.010245975391128e-4, 5.188334331042349e-3, -2.6853815991488394e-2, 0.11283585269235089,
  -0.37612625839645264, 1.1283791657323448,
];
const erfc_coefficients = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  -1.26551223,
];

export function gelu(x: number): number {
  const half = f(x * 0.5);
  const z = f(Math.abs(x) * f(Math.SQRT1_2));
  const square = f(z * z);
  if (z < 1) {
    const erf = f(z * horner(erf_coefficients, square));
    return f(half * f(1 + (x < 0 || Object.is(x, -0) ? -erf : erf)));
  }
  const t = f(1 / f(1 + f(z * 0.5)));
  const tail = f(t * exp(f(horner(erfc_coefficients, t) - square)));
  const erfc = z > f(5.9) ? 0 : tail;
  return f(half * (x < 0 ? erfc : f(2 - erfc)));
}

/** The activation functions that have a kernel. */
export const activations = {
  silu: (x: number) => f(x * sigmoid(x)),
  gelu,
  gelu_pytorch_tanh: (x: number) => {
    const inner = f(f(Math.sqrt(2 / Math.PI)) * f(x + f(f(0.044715) * f(f(x * x) * x))));
    return f(f(x * 0.5) * f(1 + tanh(inner)));
  },
  quick_gelu: (x: number) => f(x * sigmoid(f(x * f(1.702)))),
  sigmoid,
  tanh,
} as const;
