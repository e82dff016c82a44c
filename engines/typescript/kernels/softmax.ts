import { memoryOf } from "./memory.ts";

/**
 * Softmax over each row of `x` [rows, width]: exponentials in float32, times one over their sum, which is float64 until
 * it is inverted.
 */
export function softmax(x: Float32Array, width: number): Float32Array {
  const memory = memoryOf(x);
  return memory.result(x.length, (out) =>
    memory.run("softmax", [memory.place(x), out, x.length / width, width], 4 * x.length),
  );
}
