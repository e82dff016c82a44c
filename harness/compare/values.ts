import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { ValueDifference } from "../verdict/audit.ts";
import type { Numbers } from "./distance.ts";

const precisions = { BF16: roundToBfloat16, F16: Math.f16round } as const;

/**
 * Describes how an engine's loaded tensor differs from the reference's of the same shape: how many elements, by how much,
 * and whether they are the reference's in another precision.
 */
export function describeValues(
  found: RawTensor,
  expected: RawTensor,
): Pick<ValueDifference, "count" | "of" | "relative" | "rounded_to"> {
  const [ours, theirs] = [toNumbers(found), toNumbers(expected)];
  let [count, error, size] = [0, 0, 0];
  for (let index = 0; index < theirs.length; index++) {
    if (!Object.is(ours[index], theirs[index])) count++;
    error += (ours[index]! - theirs[index]!) ** 2;
    size += theirs[index]! ** 2;
  }
  const relative = Math.sqrt(error / size);
  return {
    ...{ count, of: theirs.length, relative: Number.isFinite(relative) ? relative : null },
    rounded_to: count === 0 ? null : roundedTo(ours, theirs),
  };
}

/** The coarsest precision in which `theirs` is `ours`; null where there is none. */
function roundedTo(ours: Numbers, theirs: Numbers): keyof typeof precisions | null {
  for (const [name, round] of Object.entries(precisions))
    if (theirs.every((value, index) => Object.is(round(value), ours[index]))) return name as keyof typeof precisions;
  return null;
}

/** The nearest bfloat16, ties to even. */
function roundToBfloat16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  if (Number.isFinite(value)) bits[0]! += 0x7fff + ((bits[0]! >>> 16) & 1);
  bits[0]! &= 0xffff0000;
  return new Float32Array(bits.buffer)[0]!;
}
