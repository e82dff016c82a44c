/** The bytes of an ONNX model that is one `MatMul`, so that onnxruntime runs the same product. */

function varint(value: number): number[] {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

const message = (number: number, bytes: readonly number[]): number[] => [
  ...varint(number * 8 + 2),
  ...varint(bytes.length),
  ...bytes,
];
const whole = (number: number, value: number): number[] => [...varint(number * 8), ...varint(value)];
const text = (number: number, value: string): number[] => message(number, [...Buffer.from(value)]);

/** A float32 input or output of the graph. Numbers of fields: onnx.proto. */
function value(number: number, name: string, shape: readonly number[]): number[] {
  const sizes = shape.flatMap((size) => message(1, whole(1, size)));
  return message(number, [...text(1, name), ...message(2, message(1, [...whole(1, 1), ...message(2, sizes)]))]);
}

/** `y [rows, columns] = x [rows, inner] @ w [inner, columns]`. */
export function onnxMatmul({ rows, inner, columns }: { rows: number; inner: number; columns: number }): Uint8Array {
  const node = [...text(1, "x"), ...text(1, "w"), ...text(2, "y"), ...text(4, "MatMul")];
  const shapes = [value(11, "x", [rows, inner]), value(11, "w", [inner, columns]), value(12, "y", [rows, columns])];
  const graph = [...message(1, node), ...text(2, "matmul"), ...shapes.flat()];
  return Uint8Array.from([...whole(1, 8), ...message(7, graph), ...message(8, whole(2, 17))]);
}
