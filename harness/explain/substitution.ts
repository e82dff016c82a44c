import type { Factor } from "../verdict/culprit.ts";
import type { ConfigNumber } from "./sizes.ts";
import { isRead } from "./sizes.ts";

/** One config field taken for another. */
export interface Substitution {
  readonly expected: Factor;
  readonly found: Factor;
}

/**
 * Finds the field that, replaced by another, makes the expected size the found one: found = expected / a x b. Fields of
 * like names come first, and of these the ones that the reference reads there; a head size may also have been computed
 * as hidden size over heads. `numbers` includes ones. Null when no such pair is alike.
 */
export function substituteField(
  expected: number,
  found: number,
  numbers: readonly ConfigNumber[],
  read: readonly string[],
): Substitution | null {
  const others: readonly Candidate[] = [...numbers, ...quotients(numbers)];
  let best: (Substitution & { score: number }) | null = null;
  for (const a of numbers) {
    if (expected % a.value !== 0) continue;
    for (const b of others) {
      const alike = likeness(leaf(a), b.as ?? leaf(b));
      if (
        (b.path === a.path && b.over === undefined) ||
        a.value === b.value ||
        alike === 0 ||
        (expected / a.value) * b.value !== found
      )
        continue;
      const score = alike + (isRead(a.path, read) ? 2 : 0);
      if (!best || score > best.score) best = { expected: factorOf(a), found: factorOf(b), score };
    }
  }
  return best && { expected: best.expected, found: best.found };
}

/** A number that may stand for a field: one of the config, or a quotient of two that some take for the field `as`. */
interface Candidate extends ConfigNumber {
  readonly over?: string;
  readonly as?: string;
}

function factorOf({ path, value, over = "" }: Candidate): Factor {
  return { value, field: leaf({ path, value }), over: over === "" ? null : over };
}

function leaf({ path }: ConfigNumber): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** Head sizes as some computed them. */
function quotients(numbers: readonly ConfigNumber[]): Candidate[] {
  const of = (name: string): ConfigNumber[] => numbers.filter((number) => leaf(number) === name);
  return of("hidden_size").flatMap((hidden) =>
    of("num_attention_heads")
      .filter(({ value, path }) => hidden.value % value === 0 && parent(path) === parent(hidden.path))
      .map(({ value }) => ({
        path: hidden.path,
        over: "num_attention_heads",
        as: "head_dim",
        value: hidden.value / value,
      })),
  );
}

function parent(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("."), 0));
}

/** Words that two names share; none in common is no likeness. */
function likeness(one: string, other: string): number {
  const words = new Set(one.split("_"));
  const shared = other.split("_").filter((word) => words.has(word) && !["num", "size"].includes(word));
  return shared.length;
}
