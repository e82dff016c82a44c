import { memoryOf } from "./memory.ts";

/** Softmax over each row of `x` [rows, width]: exponentials in float32, their sum in float64, the quotient rounded to float32. */
export function softmax(x: Float32Array, width: number): Float32Array {
  const memory = memoryOf(x);
  return memory.result(x.length, (out) =>
    memory.run("softmax", [memory.place(x), out, x.length / width, width], 4 * x.length),
  );
}
