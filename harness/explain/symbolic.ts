/** A dimension seen at two sequence lengths: fixed, or linear in `s`. */
export type SymbolicSize = number | string;

/** Two sequence lengths that were run, to see which dimensions move. */
export interface Lengths {
  readonly first: number;
  readonly second: number;
}

/** Writes a size that was `a` at the first length and `b` at the second as `8192`, `s`, `2s` or `s+7`. */
export function symbolicSize(a: number, b: number, { first, second }: Lengths): SymbolicSize {
  if (a === b) return a;
  const slope = (b - a) / (second - first);
  const offset = a - slope * first;
  if (!Number.isInteger(slope)) return `${a}|${b}`;
  const scaled = slope === 1 ? "s" : `${slope}s`;
  return offset === 0 ? scaled : `${scaled}${offset > 0 ? "+" : "-"}${Math.abs(offset)}`;
}

/** The symbolic shape of a site; sizes alone where it was seen at one length only. */
export function symbolicShape(
  a: readonly number[],
  b: readonly number[] | undefined,
  lengths: Lengths,
): SymbolicSize[] {
  if (b?.length !== a.length) return [...a];
  return a.map((size, axis) => symbolicSize(size, b[axis]!, lengths));
}
