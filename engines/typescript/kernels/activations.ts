import { floats, memoryOf } from "./memory.ts";

/** Activation functions of one number, by the name that configs use. Source: transformers 5.24.0, `activations.py`. */
export const activations = {
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_new: gelu_tanh,
  gelu_pytorch_tanh: gelu_tanh,
  quick_gelu: (x: number) => x * sigmoid(1.702 * x),
  silu: (x: number) => x * sigmoid(x),
  relu: (x: number) => Math.max(x, 0),
  relu2: (x: number) => Math.max(x, 0) ** 2,
  sigmoid,
  tanh: Math.tanh,
  linear: (x: number) => x,
} as const;

/** A name in `activations`. */
export type ActivationName = keyof typeof activations;

/** The functions that have a kernel, in the order of assembly/elementwise.ts. */
const vectorised: readonly ((x: number) => number)[] = [
  activations.silu,
  activations.gelu,
  activations.gelu_pytorch_tanh,
  activations.quick_gelu,
  activations.sigmoid,
  activations.tanh,
];

/** `activation` of every element: by a float32 kernel about as exact as the reference's, or in float64 and rounded once where there is none. */
export function activate(x: Float32Array, activation: (x: number) => number): Float32Array {
  const kernel = vectorised.indexOf(activation);
  if (kernel < 0) {
    const out = floats(x.length);
    for (let i = 0; i < x.length; i++) out[i] = activation(x[i]!);
    return out;
  }
  const memory = memoryOf(x);
  const out = memory.result(x.length, (out) =>
    memory.run("activate", [memory.place(x), out, x.length, kernel], 20 * x.length),
  );
  if (activation === activations.gelu) refine_gelu(x, out);
  return out;
}

/** Below this `gelu` is computed apart. */
export const GELU_TAIL = -2;

/** `gelu` of all that lies in its tail. What is infinite stays as the kernel has it. */
function refine_gelu(x: Float32Array, out: Float32Array): void {
  for (let i = 0; i < x.length; i++) if (x[i]! < GELU_TAIL && x[i]! > -Infinity) out[i] = gelu_tail(x[i]!);
}

/**
 * `gelu` of a finite number below `GELU_TAIL`, where `1 + erf` cancels, in float64: trained models have whole channels there, and a float32 kernel has few digits
 * left of them. The error function's complement to 1.2e-7 of its own size: Numerical Recipes, `erfcc`. Zero where float64 has nothing left of `1 + erf` either.
 */
export function gelu_tail(x: number): number {
  const z = -x * Math.SQRT1_2;
  if (z > 5.9) return -0;
  const t = 1 / (1 + 0.5 * z);
  let sum = 0;
  for (const coefficient of erfc_coefficients) sum = sum * t + coefficient;
  return 0.5 * x * t * Math.exp(-z * z + sum);
}

const erfc_coefficients = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  -1.26551223,
];

function gelu_tanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/**
 * The error function to about 1e-15: its Maclaurin series below 2.5, the continued fraction of erfc above
 * (Abramowitz and Stegun 7.1.6 and 7.1.14).
 */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)));
}
