/**
 * Findings for the exporters: one for each thing in a verdict that has to be mended, none where the case's expectation
 * was met.
 */
import { stripVTControlCharacters } from "node:util";
import { plainLine } from "../trace/harmless.ts";
import { harmlessVerdict } from "../verdict/harmless.ts";
import { format } from "../verdict/words/ratio.ts";
import type { Culprit } from "../verdict/culprit.ts";
import type { Verdict } from "../verdict/schema.ts";
import { distancesText, phasesText } from "./explanation.ts";
import { sortCandidates } from "../explain/ranking.ts";
import { changeText, sourceText } from "../verdict/words/change.ts";
import { notJudgedLines } from "./not-judged.ts";
import { renderVerdict } from "./terminal.ts";
import { culpritWithSizes, errorReadingText, alsoText } from "../verdict/words/culprit.ts";
import { claimText, evidenceTexts } from "../verdict/words/sizes.ts";
import type { Place } from "../verdict/site.ts";
import { differenceTexts } from "../verdict/words/differences.ts";

/** Kinds of findings, each with what it means. Their names are stable: SARIF rules and JUnit types carry them. */
export const findingKinds = {
  mismatch: "The engine's values differ from the reference's by more than rounding explains",
  shape: "A tensor of the engine has another shape than the reference's",
  incomplete: "The engine's sites or tensors are not those of the reference, or its phases contradict each other",
  "not-judged": "Sites could not be compared, and unknown is never green",
  "unexpected-pass": "A case that is known to fail passes: its mark has to go",
  "broken-engine": "The engine crashed, hung or broke the protocol",
  environment: "The machine lacks something that the comparison needs",
  usage: "The case, the golden or the command can't be used as it is",
} as const;

export type FindingKind = keyof typeof findingKinds;

/** One thing to mend. All texts are plain, of one line. */
export interface Finding {
  readonly kind: FindingKind;
  /** The site; null where the finding is not about one. */
  readonly site: string | null;
  readonly phase: string | null;
  /** Says what is wrong there. */
  readonly summary: string;
  /** Says how the engine departs from the reference, as far as that was found out; null where it was not. */
  readonly cause: string | null;
  /** The engine's distances from the reference as it is and with that change, in noise units. */
  readonly distances: string | null;
  /** The reference's line that does it right. */
  readonly source: string | null;
  /** Kind of porting fault (`norm-eps`), where the cause is known. */
  readonly category: string | null;
  readonly remedy: string | null;
  /**
   * The other layers and phases that are wrong at the same place, and how people read them; "" where there are none.
   */
  readonly also: readonly Place[];
  readonly alsoSaid: string;
}

const nothing = { site: null, phase: null, cause: null, distances: null, source: null, category: null, remedy: null };

/** The findings of a verdict in the order in which they are to be mended; none when its expectation is met. */
export function findingsOf(given: Verdict): Finding[] {
  const verdict = harmlessVerdict(given);
  const { met, status, expectation, error, culprits } = verdict;
  if (met) return [];
  const finding = (kind: FindingKind, summary: string, more: Partial<Finding> = {}): Finding => ({
    ...nothing,
    ...more,
    also: more.also ?? [],
    alsoSaid: more.alsoSaid ?? "",
    kind,
    summary: plainLine(summary),
  });
  if (error) {
    const kind = error.kind === "engine" ? "broken-engine" : error.kind;
    return [finding(kind, error.message, { remedy: error.remedy ?? null })];
  }
  if (status === "pass" && expectation !== "pass")
    return [
      finding("unexpected-pass", `passes, though it is marked to fail at ${expectation.fail_at}`, {
        remedy: "remove `expect` from the case",
      }),
    ];
  if (culprits.length > 0)
    return culprits.map((culprit) => {
      const { site, phase, also } = culprit;
      const elsewhere = expectation === "pass" ? "" : `; it is marked to fail at ${expectation.fail_at}`;
      const kind = culprit.why.kind === "shape" ? "shape" : "mismatch";
      const others = { also, alsoSaid: alsoText(culprit, verdict.phases) };
      return finding(kind, culpritWithSizes(culprit) + elsewhere, { site, phase, ...others, ...causeOf(culprit) });
    });
  if (status === "unknown") return [finding("not-judged", notJudgedLines(verdict).join("; "))];
  return [finding("incomplete", differenceTexts(verdict).join("; ") || "nothing was compared")];
}

/** The verdict as lockstep prints it, without colours. */
export function plainVerdict(verdict: Verdict): string {
  return stripVTControlCharacters(renderVerdict(verdict));
}

/** The engine, its planted fault and the reference: `typescript with geluErf vs transformers 5.24.0`. */
export function enginesText({ engine, reference }: Pick<Verdict, "engine" | "reference">): string {
  const fault = engine.fault ? ` with ${engine.fault}` : "";
  return plainLine(`${engine.name}${fault} vs ${reference.name} ${reference.version}`);
}

/** The cause of a finding with its distances, as one line; "" when no cause is known. */
export function causeText({ cause, distances }: Pick<Finding, "cause" | "distances">): string {
  return [cause, distances && `(${distances})`].filter(Boolean).join(" ");
}

function causeOf({ explanation, shapes }: Culprit): Partial<Finding> {
  const held = shapes?.causes.find(({ holds }) => holds);
  if (held) return { cause: plainLine(claimText(held)), distances: plainLine(evidenceTexts(held).join("; ")) };
  if (!explanation) return {};
  const { cause, rivals, forms } = sortCandidates(explanation.candidates);
  const times = (value: number): string => `${format(value)}x`;
  if (cause) {
    const phases = phasesText(cause);
    const others = rivals.length > 0 ? `, or ${rivals.map(changeText).join(", or ")}` : "";
    return {
      cause: plainLine(`${changeText(cause)}${phases && `, ${phases}`}${others}`),
      distances: distancesText([explanation.ratio, cause.ratio], "change", times),
      source: cause.sources.length > 0 ? plainLine(sourceText(cause.sources)) : null,
      category: cause.category,
    };
  }
  const [form] = forms;
  if (form)
    return {
      cause: plainLine(`not found: no single change gives it; the error has this form: ${changeText(form)}`),
      distances: distancesText([explanation.ratio, form.ratio], "form of error", times),
    };
  const reading = explanation.reading ? `; ${errorReadingText(explanation.reading)}` : "";
  return { cause: plainLine(`unexplained: none of ${explanation.tried} changes of the reference gives it${reading}`) };
}
