import { dtypeBytes } from "../trace/dtypes.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { elementCount } from "../trace/tensor.ts";

/**
 * An engine's tensor in the shape of the reference's where one of the two has a batch of 1 and all rows of the other
 * are the same, bit for bit: positions [1, S] are those of [B, S] then. Null where they are not, or nothing has to be
 * done. Only the first axis is ever broadcast. An expected tensor whose values are not known has rows of its own, which
 * the comparison of values sees.
 */
export function alongBatch(
  found: RawTensor,
  expected: Pick<RawTensor, "shape"> & { readonly dtype: string; readonly bytes?: Uint8Array },
): RawTensor | null {
  const [rows = 0, ...rest] = found.shape;
  const [wanted = 0, ...others] = expected.shape;
  if (rest.length === 0 || rest.join() !== others.join() || rows === wanted || Math.min(rows, wanted) !== 1)
    return null;
  const longer = rows === 1 ? expected.bytes : found.bytes;
  if (found.dtype !== expected.dtype || (longer && !hasEqualRows(longer, rowBytes(found)))) return null;
  const row = found.bytes.subarray(0, rowBytes(found));
  const bytes = new Uint8Array(row.byteLength * wanted);
  for (let start = 0; start < bytes.byteLength; start += row.byteLength) bytes.set(row, start);
  return { dtype: found.dtype, shape: [...expected.shape], bytes };
}

function rowBytes({ dtype, shape }: RawTensor): number {
  return elementCount(shape.slice(1)) * dtypeBytes[dtype];
}

function hasEqualRows(bytes: Uint8Array, size: number): boolean {
  if (size === 0) return false;
  for (let index = size; index < bytes.byteLength; index++) if (bytes[index] !== bytes[index - size]) return false;
  return true;
}
