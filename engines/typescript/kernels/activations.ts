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

/**
 * `activation` of every element: by a float32 kernel about as exact as the reference's, or in float64 and rounded once
 * where there is none.
 */
export function activate(x: Float32Array, activation: (x: number) => number): Float32Array {
  const kernel = vectorised.indexOf(activation);
  if (kernel < 0) {
    const out = floats(x.length);
    for (let i = 0; i < x.length; i++) out[i] = activation(x[i]!);
    return out;
  }
  const memory = memoryOf(x);
  return memory.result(x.length, (out) =>
    memory.run("activate", [memory.place(x), out, x.length, kernel], 20 * x.length),
  );
}

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
