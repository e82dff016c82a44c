/**
 * Sentences about changes of the reference, made from their facts here and nowhere else. Nothing reads a sentence back.
 */
import type { Change, Need, Part, SourceLine } from "../change.ts";
import type { HoleReason } from "../explanation.ts";
import { layoutWords } from "./changes/layout.ts";
import { operationWords } from "./changes/operations.ts";
import { positionWords } from "./changes/positions.ts";
import { numberText, partText } from "./changes/shared.ts";
import type { Words } from "./changes/shared.ts";
import { valueWords } from "./changes/values.ts";
import { weightWords } from "./changes/weights.ts";

const words: Words = { ...operationWords, ...valueWords, ...layoutWords, ...weightWords, ...positionWords };

/** The facts of a change that its sentence is made from. */
interface Changed {
  readonly changes: readonly Change[];
  readonly part: Part | null;
}

/**
 * Says in a clause how the engine departs from the reference: `the activation is SiLU in place of GELU (erf), only at
 * head 3 of 4`.
 */
export function changeText({ changes, part }: Changed): string {
  const clauses = changes.map((change) => (words[change.kind] as (one: Change) => string)(change));
  return `${clauses.join("; and ")}${part ? `, only at ${partText(part)}` : ""}`;
}

/**
 * `modeling_x.py:17: code`; steps of attention stand in no model file. Lines of two changes are joined; "" where none
 * is known.
 */
export function sourceText(sources: readonly SourceLine[]): string {
  return sources.map(({ file, line, text }) => `${file}:${line}: ${text}`).join("; ");
}

/**
 * Inputs that would tell a candidate from the first one, as a noun: `inputs 30 times as large`; "" where none are
 * known.
 */
export function apartText(apart: number | null): string {
  if (apart === null) return "";
  return apart > 1 ? `inputs ${numberText(apart)} times as large` : `inputs ${numberText(1 / apart)} times smaller`;
}

/** Further evidence for a candidate, as a clause; "" where there is none. */
export function unreadText(unread: readonly string[]): string {
  return unread.length === 0 ? "" : `the engine never reads ${unread.join(", ")}`;
}

const lacks: Readonly<Record<Need, (longest: number) => string>> = {
  padding: () => "no sequence is padded: add a left-padded batch",
  "second sequence": () => "there is one sequence only: add a batch of two",
  window: (longest) => `no query reaches the window: the longest input has ${longest} tokens`,
  cache: () => "no phase continues a cache: add chunks or decode steps",
  media: () => "there are no media tokens: add an image",
};

/** Says why a case can't see a change, and what would make it. */
export function holeReasonText(reason: HoleReason): string {
  switch (reason.kind) {
    case "inputs lack":
      return lacks[reason.what](reason.longest);
    case "below rounding":
      return `moves the site by ${reason.ratio.toPrecision(2)}x noise only: below rounding, or the mathematics hides it`;
    case "no difference":
      return "gives the same numbers on these inputs";
  }
}
