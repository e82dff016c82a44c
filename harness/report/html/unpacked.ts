/** The way back from the embedded form to verdicts, run in the page. */
import { siteOf } from "../../verdict/deciding.ts";
import type { Verdict } from "../../verdict/schema.ts";
import type { Distance, Judgement, SiteVerdict } from "../../verdict/site.ts";
import type { PackedDistances, PackedDocument, PackedJudgements, PackedVerdict } from "./packed.ts";

/** The text table of a document. */
export function unpackTexts(coded: PackedDocument["texts"]): string[] {
  const texts: string[] = [];
  let previous = "";
  for (let position = 0; position < coded.length; position += 2) {
    previous = previous.slice(0, Number(coded[position])) + String(coded[position + 1]);
    texts.push(previous);
  }
  return texts;
}

function unpackDistance(columns: PackedDistances["columns"], row: number): Distance {
  const [
    ratio = 0,
    rowIndex = -1,
    rowRatio = 0,
    column = -1,
    columnRatio = 0,
    error = -1,
    noise = 0,
    rms = 0,
    max = -1,
  ] = columns.map((values) => values[row]);
  return {
    ratio,
    worst_row: rowIndex < 0 ? null : { index: rowIndex, ratio: rowRatio },
    worst_column: column < 0 ? null : { index: column, ratio: columnRatio },
    error: error < 0 ? ratio * noise : error,
    noise,
    rms,
    max_error: max < 0 ? null : noise > 0 ? max * noise : max,
  };
}

function unpackDistances({ has, columns }: PackedDistances): (Distance | undefined)[] {
  let row = -1;
  return Array.from(has, (flag) => {
    if (flag === "0") return undefined;
    row += 1;
    return unpackDistance(columns, row);
  });
}

/**
 * Makes a judgement of a letter and a distance: a failure of which nothing else was kept is one of the whole tensor's
 * ratio.
 */
function plainJudgement(letter: string, distance: Distance | undefined): Judgement {
  if (letter !== "f") return { status: "pass" };
  return { status: "fail", why: { kind: "noise", at: { part: "tensor" }, ratio: distance?.ratio ?? 0 } };
}

/** The judgements of one kind; where a local oracle is as large as the run's, `whole` has its rms. */
function unpackJudgements(
  { status, distances, rest }: PackedJudgements,
  whole: readonly (Distance | undefined)[] = [],
): (Judgement | null)[] {
  const unpacked = unpackDistances(distances);
  return Array.from(status, (letter, position) => {
    if (letter === "-") return null;
    const own = unpacked[position];
    const distance = own?.rms === 0 ? { ...own, rms: whole[position]?.rms ?? 0 } : own;
    const judgement = rest[position] ?? plainJudgement(letter, distance);
    return judgement.status === "unknown" || !distance ? judgement : { ...judgement, distance };
  });
}

/** One verdict with its sites; numbers are rounded to the digits that were kept. */
export function unpackVerdict(packed: PackedVerdict, texts: readonly string[]): Verdict {
  const text = (position: number | undefined): string => texts[position ?? -1] ?? "";
  const run = unpackJudgements(packed.sites.run);
  const local = unpackJudgements(packed.sites.local, unpackDistances(packed.sites.run.distances));
  let order = 0;
  const sites = packed.sites.site.map((name, position): SiteVerdict => {
    order += packed.sites.order[position] ?? 0;
    const shape = packed.sites.shape[position] ?? -1;
    const dtype = packed.sites.dtype[position] ?? -1;
    const expected =
      dtype < 0 ? null : { shape: text(shape).split(",").filter(Boolean).map(Number), dtype: text(dtype) };
    return siteOf({
      site: text(name),
      phase: text(packed.sites.phase[position]),
      order,
      expected,
      run: run[position] ?? null,
      local: local[position] ?? null,
    });
  });
  const coverage = {
    ...packed.verdict.coverage,
    unknown: packed.unknown.map(text),
    unexpected: packed.unexpected.map(text),
  };
  return { ...packed.verdict, coverage, sites };
}
