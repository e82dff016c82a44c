import { memoryOf } from "./memory.ts";

/** `a + b`, one by one. */
export function add(a: Float32Array, b: Float32Array): Float32Array {
  return pairwise("add", a, b);
}

/** `a * b`, one by one. */
export function mul(a: Float32Array, b: Float32Array): Float32Array {
  return pairwise("mul", a, b);
}

function pairwise(name: "add" | "mul", a: Float32Array, b: Float32Array): Float32Array {
  const memory = memoryOf(a, b);
  return memory.result(a.length, (out) =>
    memory.run(name, [memory.place(a), memory.place(b), out, a.length], a.length),
  );
}

/** `a * factor`, the factor rounded to float32. */
export function scale(a: Float32Array, factor: number): Float32Array {
  const memory = memoryOf(a);
  return memory.result(a.length, (out) =>
    memory.run("scale", [memory.place(a), out, a.length, { float32: factor }], a.length),
  );
}

/** Every row of `a` [rows, width] times `row` [width]. */
export function mul_rows(a: Float32Array, row: Float32Array): Float32Array {
  const memory = memoryOf(a, row);
  const rows = a.length / row.length;
  return memory.result(a.length, (out) =>
    memory.run("mul_rows", [memory.place(a), memory.place(row), out, rows, row.length], a.length),
  );
}

/** Rounds `values` in place to bfloat16 or float16, ties to even. */
export function round_in_place(values: Float32Array, dtype: "BF16" | "F16"): Float32Array {
  const memory = memoryOf(values);
  const name = dtype === "BF16" ? "round_bf16" : "round_f16";
  memory.change(values, (address) => memory.run(name, [address, values.length], values.length));
  return values;
}
