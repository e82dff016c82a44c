import { parseSite } from "../trace/site.ts";
import type { Site } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import { isFloating } from "../trace/dtypes.ts";

/** Rows that a module has put in another order, such as tokens sorted by expert: the token that each row is of. */
export interface Moved {
  /** The module inside which rows lie so. */
  readonly scope: string;
  /** Numbers among the tokens of all sequences of the phase, row by row. */
  readonly tokens: readonly number[];
}

/** Follows where modules move rows to, by the indices that they hand out. */
export interface MovedRows {
  /** Looks at a tensor: integers that say which token each of so many rows is of are remembered. */
  see(tap: { readonly site: Site; readonly phase: string; readonly tensor: RawTensor; readonly tokens: number }): void;
  /** How the rows of a site lie; null where nothing is known to be moved. */
  of(site: Site, phase: string, shape: readonly number[]): Moved | null;
}

/** A memory of moved rows, of the phase that is being compared. */
export function followRows(): MovedRows {
  let current = "";
  const known = new Map<string, Moved>();
  return {
    see({ site, phase, tensor, tokens }) {
      if (phase !== current) known.clear();
      current = phase;
      const rows = tensor.shape.length === 1 && !isFloating(tensor.dtype) ? tokensOfRows(tensor, tokens) : null;
      const { module } = parseSite(site);
      const scope = module.split(".").slice(0, -1).join(".");
      if (rows && scope !== "") known.set(scope, { scope, tokens: rows });
    },
    of(site, phase, shape) {
      if (phase !== current) return null;
      const { module } = parseSite(site);
      const inside = [...known.values()].filter(({ scope }) => module.startsWith(`${scope}.`));
      return inside.find(({ tokens }) => tokens.length === shape[0]) ?? null;
    },
  };
}

/**
 * The token of each row by an index [rows]: the tokens themselves, each as often as the others, or places among tokens
 * that stand k times one behind the other; null for integers that are neither.
 */
function tokensOfRows(index: RawTensor, tokens: number): number[] | null {
  const values = [...toNumbers(index)];
  const each = values.length / tokens;
  if (values.length < 2 || !Number.isInteger(each)) return null;
  if (new Set(values).size === values.length && values.every((value) => value >= 0 && value < values.length))
    return values.map((value) => Math.floor(value / each));
  const counts = new Array<number>(tokens).fill(0);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts.length === tokens && counts.every((count) => count === each) ? values : null;
}
