import { styleText } from "node:util";
import { isTie } from "../compare/choice.ts";
import { format } from "../compare/judge.ts";
import type { Culprit, Explanation, Verdict } from "../verdict/schema.ts";
import { sortCandidates } from "../explain/ranking.ts";
import { apartText, changeText, sourceText, unreadText } from "../verdict/words/change.ts";
import { distancesText, phasesText, powerPercent } from "./explanation.ts";
import { notJudgedLines } from "./not-judged.ts";
import { some } from "./some.ts";

/** Independent culprits that are spelled out. */
const culpritsShown = 4;
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
export function renderVerdict(verdict: Verdict): string {
  return [headline(verdict), ...body(verdict)].join("\n");
}

function headline(verdict: Verdict): string {
  const { status, met, expectation, coverage, worst } = verdict;
  const asExpected = expectation !== "pass" && met;
  const surprise = expectation !== "pass" && !met && status !== "error";
  const label = paint(asExpected ? "green" : surprise ? "red" : styles[status], labels[status]);
  const sites = status === "error" ? "" : sitesText(verdict);
  const ratio = worst && coverage.compared > 0 ? `worst ${format(worst.ratio)}x noise` : "";
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
  if (asExpected) parts.push(paint("green", "failed as expected"));
  if (surprise) parts.push(paint("red", `expected to fail at ${expectation.fail_at}`));
  return `${label} ${parts.filter(Boolean).join("   ")}`;
}

/** What a pass is worth, where that was measured. */
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
  const { status, error, culprit, coverage, consistency, tensor_audit: tensors } = verdict;
  if (error) return errorLines(error);
  if (status === "pass") return [...textLines(verdict), ...tieLines(verdict)];
  const lines = [...textLines(verdict), ...verdict.culprits.slice(0, culpritsShown).flatMap(culpritLines)];
  const hidden = verdict.culprits.length - culpritsShown;
  if (hidden > 0) lines.push(`   and ${hidden} more places that are wrong on their own: see --json or the report`);
  if (culprit && verdict.mode !== "shapes") lines.push(...spreadLines(verdict));
  for (const { engine, status: own, worst } of consistency)
    if (own === "fail" && worst)
      lines.push(
        `   ${engine} disagrees with itself: ${worst.site} in ${worst.phase} is ${format(worst.ratio)}x noise from the full forward`,
      );
  if (tensors)
    for (const [what, names] of [
      ["lacks tensors", tensors.missing],
      ["has tensors that the reference lacks", tensors.unexpected],
      [
        "has other shapes",
        tensors.different.map(({ name, expected, found }) => `${name} ${found}, expected ${expected}`),
      ],
    ] as const)
      if (names.length > 0) lines.push(`   the engine ${what}: ${some(names)}`);
  lines.push(...tieLines(verdict));
  if (coverage.unexpected.length > 0) lines.push(`   sites that the reference lacks: ${some(coverage.unexpected)}`);
  if (verdict.mode !== "shapes") lines.push(...notJudgedLines(verdict));
  if (verdict.config_audit && verdict.config_audit.never_read_by_engine.length > 0)
    lines.push(`   config fields the engine never reads: ${some(verdict.config_audit.never_read_by_engine)}`);
  return lines;
}

/** Of a run on a text: where the tokenizers part, and how both sides go on. */
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
function tieLines({ sites }: Verdict): string[] {
  const ties = sites.filter(isTie);
  if (ties.length === 0) return [];
  const { site, phase, reason } = ties[0]!;
  const more = ties.length > 1 ? ` (and at ${ties.length - 1} more sites)` : "";
  return [`   ${reason}: ${site} in ${phase}${more}`];
}

function errorLines({ message, remedy, stderr_tail: tail }: NonNullable<Verdict["error"]>): string[] {
  return [
    `   ${message}`,
    ...(remedy ? [`   ${paint("bold", "do")}     ${remedy}`] : []),
    ...tail.map((line) => paint("dim", `   | ${line}`)),
  ];
}

function culpritLines({ site, phase, summary, expected, found, ...rest }: Culprit): string[] {
  const where = phase === "shapes" ? site : `${site}   in ${phase}`;
  const lines = [`   ${paint("bold", where)}`];
  if (expected && found) {
    lines.push(`     expected [${expected.join(", ")}]${sizesText(rest.expected_sizes)}`);
    lines.push(`     found    [${found.join(", ")}]${sizesText(rest.found_sizes)}`);
  } else lines.push(`     ${summary}`);
  for (const { claim, holds, evidence } of rest.readings) {
    lines.push(`   ${holds ? paint("bold", "cause ") : paint("dim", "not   ")} ${claim}`);
    for (const part of evidence.split("; ")) lines.push(`          ${part}`);
  }
  const also = rest.also.length > 0 ? [`   also    ${some(rest.also, 8)}`] : [];
  const room = linesShown - lines.length - also.length;
  return [...lines, ...(rest.explanation ? explanationLines(rest.explanation, room) : []), ...also];
}

/** What was found out about the cause, in at most `room` lines but two at least: the cause, the evidence, its rivals, the source. */
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
      ...(explanation.reading ? [`          ${explanation.reading}`] : []),
    ];
  return [
    `   ${paint("bold", "cause ")} not found: no single change gives it; the error has this form: ${changeText(form)}`,
    `          ${distancesText([ratio, form.ratio], "form of error", times)}  ${effort}`,
    ...(explanation.reading ? [`          ${explanation.reading}`] : []),
  ];
}

function sizesText(sizes: Culprit["expected_sizes"]): string {
  return sizes.map(({ size, formula }) => `   ${size} = ${formula}`).join(",");
}

/** How far the failure spreads, and what it does to the output. */
function spreadLines({ sites, logits }: Verdict): string[] {
  const failing = sites.filter((site) => (site.accumulated_status ?? site.status) === "fail").length;
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
  const count = (test: (verdict: Verdict) => boolean): number => verdicts.filter(test).length;
  const passed = count(({ status, expectation }) => status === "pass" && expectation === "pass");
  const expected = count(({ met, expectation }) => met && expectation !== "pass");
  const parts = [
    `${passed} passed`,
    expected > 0 && `${expected} failed as expected`,
    ...(["fail", "unknown", "error"] as const).map((status) => {
      const wrong = count((verdict) => !verdict.met && verdict.status === status);
      return wrong > 0 && `${wrong} ${status === "fail" ? "failed" : status}`;
    }),
    count(({ met, status }) => !met && status === "pass") > 0 &&
      `${count(({ met, status }) => !met && status === "pass")} passed though a failure was expected`,
  ].filter(Boolean);
  const compared = verdicts.reduce((total, { coverage }) => total + coverage.compared, 0);
  const total = verdicts.reduce((sum, { coverage }) => sum + coverage.total, 0);
  const good = verdicts.length > 0 && verdicts.every(({ met }) => met);
  const line = `${parts.join(", ")}   ${compared}/${total} sites   ${seconds.toFixed(1)} s`;
  return paint(good ? "green" : "red", `${good ? "ok" : "not ok"}   ${line}`);
}
