import { styleText } from "node:util";
import { harmlessVerdict } from "../verdict/harmless.ts";
import { format } from "../verdict/words/ratio.ts";
import type { Culprit, SizeReading } from "../verdict/culprit.ts";
import type { Explanation } from "../verdict/explanation.ts";
import type { Verdict } from "../verdict/schema.ts";
import { distancesText, phasesText, powerPercent } from "./explanation.ts";
import { sortCandidates } from "../explain/ranking.ts";
import { apartText, changeText, sourceText, unreadText } from "../verdict/words/change.ts";
import { notJudgedLines } from "./not-judged.ts";
import { some } from "../verdict/words/lists.ts";
import { claimText, formulaText, evidenceTexts } from "../verdict/words/sizes.ts";
import { errorReadingText, culpritText, alsoText, placeText } from "../verdict/words/culprit.ts";
import { differenceTexts } from "../verdict/words/differences.ts";
import { isCapped } from "../verdict/numbers.ts";
import { tieOf } from "../verdict/deciding.ts";
import { broadcastText, tieText } from "../verdict/words/why.ts";
import { countsText, outcomeOf } from "../verdict/words/outcome.ts";

/** Independent culprits that are spelled out. */
const culpritsShown = 4;
/** Config fields that are named. */
const fieldsShown = 6;
/** Lines of a culprit with an explanation. */
const linesShown = 6;

/** The stream that colours are decided for: TTY, NO_COLOR and FORCE_COLOR are obeyed. */
const stream = process.stderr;

type Style = Parameters<typeof styleText>[0];

function paint(style: Style, text: string): string {
  return styleText(style, text, { stream });
}

const labels = { pass: " PASS ", fail: " FAIL ", unknown: " ???? ", error: " ERROR" } as const;
const styles = { pass: "green", fail: "red", unknown: "yellow", error: "magenta" } as const satisfies Record<
  string,
  Style
>;

/** One verdict as lines for people: a headline, and for anything but a pass where, what and why. */
export function renderVerdict(given: Verdict): string {
  const verdict = harmlessVerdict(given);
  return [headline(verdict), ...body(verdict)].join("\n");
}

function headline(verdict: Verdict): string {
  const { status, met, expectation, coverage, worst } = verdict;
  const outcome = outcomeOf(verdict);
  const asExpected = outcome === "expected failure";
  const surprise = expectation !== "pass" && !met && status !== "error";
  const label = paint(asExpected ? "green" : surprise ? "red" : styles[status], labels[status]);
  const sites = status === "error" ? "" : sitesText(verdict);
  const ratio = worst && coverage.compared > 0 ? worstText(worst.ratio) : "";
  const fault = verdict.engine.fault ? ` with ${verdict.engine.fault}` : "";
  const versions = `${verdict.engine.name}${fault} vs ${verdict.reference.name} ${verdict.reference.version}`;
  const parts = [
    paint("bold", verdict.case),
    versions,
    modeText(verdict),
    sites,
    ratio,
    powerText(verdict),
    `${verdict.seconds.toFixed(1)} s`,
  ];
  if (asExpected) parts.push(paint("green", outcome));
  if (surprise)
    parts.push(
      paint("red", `${outcome === "unexpected pass" ? `${outcome}: ` : ""}expected to fail at ${expectation.fail_at}`),
    );
  return `${label} ${parts.filter(Boolean).join("   ")}`;
}

function worstText(ratio: number): string {
  return isCapped(ratio) ? "worst not exact" : `worst ${format(ratio)}x noise`;
}

/** Says how many likely faults a pass would have found; "" where that was not measured. */
function powerText({ status, power }: Verdict): string {
  return status === "pass" && power ? `power ${powerPercent(power)} (${power.seen} of ${power.total})` : "";
}

function modeText({ mode, dtype }: Verdict): string {
  if (mode === "shapes") return "shapes only";
  return mode === "golden" ? `${dtype}, golden` : dtype;
}

function sitesText({ coverage: { compared, total }, mode, culprit, status }: Verdict): string {
  const stopped = mode === "shapes" && status === "fail" && culprit && compared < total;
  return `${compared}/${total} sites${stopped ? " before the stop" : ""}`;
}

function body(verdict: Verdict): string[] {
  const { status, error, culprit } = verdict;
  if (error) return errorLines(error);
  if (status === "pass") return [...textLines(verdict), ...tieLines(verdict), ...broadcastLines(verdict)];
  const lines = [
    ...textLines(verdict),
    ...verdict.culprits.slice(0, culpritsShown).flatMap((one) => culpritLines(one, verdict.phases)),
  ];
  const hidden = verdict.culprits.length - culpritsShown;
  if (hidden > 0) lines.push(`   and ${hidden} more places that are wrong on their own: see --json or the report`);
  if (culprit && verdict.mode !== "shapes") lines.push(...spreadLines(verdict));
  lines.push(...differenceTexts(verdict).map((text) => `   ${text}`));
  lines.push(...tieLines(verdict));
  if (verdict.mode !== "shapes") lines.push(...notJudgedLines(verdict).map((line) => `   ${line}`));
  lines.push(...unreadLines(verdict));
  return lines;
}

/** Config fields that the engine never reads, those that the culprit's own module reads first. */
function unreadLines({ config_audit: audit }: Verdict): string[] {
  if (!audit || audit.never_read_by_engine.length === 0) return [];
  const near = new Set(audit.at_culprit?.reference_only);
  const fields = audit.never_read_by_engine.toSorted((a, b) => Number(near.has(b)) - Number(near.has(a)));
  const rest = fields.length > fieldsShown ? " (all with --json, or in the report)" : "";
  return [`   config fields the engine never reads: ${some(fields, fieldsShown)}${rest}`];
}

/** Lines about a run on a text: where the tokenizers part, and how both sides go on. */
function textLines({ text }: Verdict): string[] {
  if (!text) return [];
  const { status, tokens, difference, continuation } = text;
  const lines = [];
  if (status === "unknown")
    lines.push(`   tokenizer  not compared: the engine has none; ${tokens} tokens are the reference's`);
  else if (difference === null) lines.push(`   tokenizer  ${tokens}/${tokens} tokens equal`);
  else {
    const { position, expected, found } = difference;
    lines.push(
      `   ${paint("red", "tokenizer")}  token ${position} differs: expected ${expected ?? "the end"}, found ${found ?? "the end"}`,
    );
  }
  if (!continuation) return lines;
  const { expected, found, agree } = continuation;
  lines.push(`   continues  ${JSON.stringify(expected)}`);
  if (agree < continuation.tokens || expected !== found)
    lines.push(`   the engine ${JSON.stringify(found)}: parts at token ${agree + 1} of ${continuation.tokens}`);
  return lines;
}

/** Choices that fell otherwise than the reference's, where rounding decides. */
/** A line about tensors of an engine that are the reference's by broadcasting along the batch. */
function broadcastLines({ sites }: Verdict): string[] {
  const same = sites.filter(({ broadcast }) => broadcast !== undefined);
  const [first] = same;
  if (!first) return [];
  const more = same.length > 1 ? ` (and at ${same.length - 1} more sites)` : "";
  return [`   ${broadcastText(first)}: ${placeText(first)}${more}`];
}

function tieLines({ sites }: Verdict): string[] {
  const ties = sites.flatMap((site) => {
    const tie = tieOf(site);
    return tie ? [{ site, tie }] : [];
  });
  const [first] = ties;
  if (!first) return [];
  const more = ties.length > 1 ? ` (and at ${ties.length - 1} more sites)` : "";
  return [`   ${tieText(first.tie)}: ${placeText(first.site)}${more}`];
}

function errorLines({ message, remedy, stderr_tail: tail }: NonNullable<Verdict["error"]>): string[] {
  const [first, ...more] = message.split("\n"); // a further line must not look like one of ours
  return [
    `   ${first}`,
    ...more.map((line) => `   | ${line}`),
    ...(remedy ? [`   ${paint("bold", "do")}     ${remedy}`] : []),
    ...tail.map((line) => paint("dim", `   | ${line}`)),
  ];
}

function culpritLines(culprit: Culprit, phases: readonly string[]): string[] {
  const { site, phase, shapes } = culprit;
  const lines = [`   ${paint("bold", phase === "shapes" ? site : `${site}   in ${phase}`)}`];
  if (shapes) {
    lines.push(`     expected [${shapes.expected.join(", ")}]${sizesText(shapes.expected_sizes)}`);
    lines.push(`     found    [${shapes.found.join(", ")}]${sizesText(shapes.found_sizes)}`);
  } else lines.push(`     ${culpritText(culprit)}`);
  for (const cause of shapes?.causes ?? []) {
    lines.push(`   ${cause.holds ? paint("bold", "cause ") : paint("dim", "not   ")} ${claimText(cause)}`);
    for (const text of evidenceTexts(cause)) lines.push(`          ${text}`);
  }
  const also = culprit.also.length > 0 ? [`   also    ${alsoText(culprit, phases)}`] : [];
  const room = linesShown - lines.length - also.length;
  return [...lines, ...(culprit.explanation ? explanationLines(culprit.explanation, room) : []), ...also];
}

/** Renders an explanation in at most `room` lines but two at least: the cause, the evidence, its rivals, the source. */
function explanationLines(explanation: Explanation, room: number): string[] {
  const { ratio, tried, seconds } = explanation;
  const { cause, rivals, forms } = sortCandidates(explanation.candidates);
  const effort = paint("dim", `(${tried} changes tried in ${seconds.toFixed(1)} s)`);
  const times = (value: number): string => `${format(value)}x`;
  if (cause) {
    const phases = phasesText(cause);
    const [rival, ...others] = [
      ...rivals.map((one) =>
        [changeText(one), one.apart && `${apartText(one.apart)} would tell`].filter(Boolean).join("; "),
      ),
      ...cause.synonyms.map((one) => `${changeText(one)} (the same numbers on these inputs)`),
    ];
    const more = others.length > 0 ? `, and ${others.length} more` : "";
    const optional = [
      ...(rival === undefined ? [] : [`   ${paint("bold", "or    ")} ${rival}${more}`]),
      ...(cause.unread.length > 0 ? [`          ${unreadText(cause.unread)}`] : []),
      ...(cause.sources.length > 0 ? [paint("dim", `          ${sourceText(cause.sources)}`)] : []),
    ].slice(0, Math.max(room - 2, 0));
    return [
      `   ${paint("bold", "cause ")} ${changeText(cause)}${phases && `, ${phases}`}`,
      `          ${distancesText([ratio, cause.ratio], "change", times)}  ${effort}`,
      ...optional.toReversed(),
    ];
  }
  const [form] = forms;
  if (!form)
    return [
      `   ${paint("bold", "cause ")} unexplained: no change of the reference gives what the engine has  ${effort}`,
      ...(explanation.reading ? [`          ${errorReadingText(explanation.reading)}`] : []),
    ];
  return [
    `   ${paint("bold", "cause ")} not found: no single change gives it; the error has this form: ${changeText(form)}`,
    `          ${distancesText([ratio, form.ratio], "form of error", times)}  ${effort}`,
    ...(explanation.reading ? [`          ${errorReadingText(explanation.reading)}`] : []),
  ];
}

function sizesText(sizes: readonly SizeReading[]): string {
  return sizes.map((one) => `   ${one.size} = ${formulaText(one)}`).join(",");
}

/** Says how far the failure spreads, and what it does to the output. */
function spreadLines({ sites, logits }: Verdict): string[] {
  const failing = sites.filter(({ run, status }) => (run?.status ?? status) === "fail").length;
  const lines = [
    failing > 0
      ? `     ${failing} of ${sites.length} sites differ from there on (errors accumulate)`
      : "     further on the error drowns in the run's own noise",
  ];
  const off = logits.filter(({ top1, rows }) => top1 < rows);
  if (off.length > 0)
    lines.push(
      `     the next token changes in ${off.map(({ phase, top1, rows }) => `${phase} (${rows - top1} of ${rows} rows)`).join(", ")}`,
    );
  return lines;
}

/** The one clear line at the end of a run. */
export function renderSummary(verdicts: readonly Verdict[], seconds: number): string {
  const compared = verdicts.reduce((total, { coverage }) => total + coverage.compared, 0);
  const total = verdicts.reduce((sum, { coverage }) => sum + coverage.total, 0);
  const good = verdicts.length > 0 && verdicts.every(({ met }) => met);
  const line = `${countsText(verdicts) || "no cases"}   ${compared}/${total} sites   ${seconds.toFixed(1)} s`;
  return paint(good ? "green" : "red", `${good ? "ok" : "not ok"}   ${line}`);
}
