/**
 * The lines of a history: one for each result of a night, then one that closes the night. Small on purpose: a year of
 * nights stays in one file. Whole verdicts of what was not as expected lie beside it (`verdicts/`).
 */
import { z } from "zod";
import type { SiteVerdict } from "../../verdict/site.ts";
import type { Verdict } from "../../verdict/schema.ts";
import { status } from "../../verdict/site.ts";
import { pathName } from "../../trace/names.ts";
import { distanceOf } from "../../verdict/deciding.ts";
import { largestRatio } from "../../verdict/numbers.ts";
import { culpritText } from "../../verdict/words/culprit.ts";
import { changeText } from "../../verdict/words/change.ts";

/** Bumped when a reader of an older history could misread a newer one. */
export const historyVersion = 1;

/** Sites up to this ratio, the reference's own noise, are not listed: no rule asks how far below it they are. */
export const listedFrom = 1;

const ratio = z.number().nonnegative();

/** Files are named by keys and nights: what a file of results says of them must not lead out of its folder. */
const named = z.string().regex(pathName);

export const resultLine = z.strictObject({
  kind: z.literal("result"),
  night: named,
  /** The night that measured it: an earlier one where nothing that it depends on has changed since. */
  measured: named,
  /** Content address: everything that the result depends on. */
  key: named,
  case: z.string(),
  /** The engine as `--engine` takes it. */
  engine: z.string(),
  /** `shapes` for a comparison of shapes. */
  dtype: z.string(),
  seed: z.int(),
  limit: z.number(),
  /** The reference's version, and what it was asked for as: pinned, newest, previous, or its number. */
  reference: z.strictObject({ version: z.string(), roles: z.array(z.string()).min(1) }),
  /** The versions that both sides state, and a hash of the sources of each. */
  versions: z.strictObject({
    engine: z.record(z.string(), z.string()),
    reference: z.record(z.string(), z.string()),
  }),
  status,
  met: z.boolean(),
  /** Sites compared, of how many. */
  compared: z.int(),
  total: z.int(),
  worst: z.strictObject({ site: z.string(), phase: z.string(), ratio }).nullable(),
  /** The largest ratio over phases of each site above `listedFrom`, in noise units, three digits. */
  sites: z.record(z.string(), ratio),
  culprit: z
    .strictObject({ site: z.string(), phase: z.string(), summary: z.string(), cause: z.string().optional() })
    .nullable(),
  error: z.strictObject({ kind: z.enum(["usage", "environment", "engine"]), message: z.string() }).nullable(),
  /** Times it was run: more than once only for what the machine lacked. */
  attempts: z.int(),
  seconds: z.number(),
});

export const nightLine = z.strictObject({
  kind: z.literal("night"),
  schema: z.literal(historyVersion),
  night: named,
  /** Hash of what was asked for: nights are compared with those of the same scope. */
  scope: named,
  asked: z.strictObject({
    cases: z.array(z.string()),
    engines: z.array(z.string()),
    dtypes: z.array(z.string()),
    references: z.array(z.string()),
    seed: z.int(),
    limit: z.number(),
  }),
  started: z.iso.datetime(),
  /** Seconds of work on what this night measured, over all machines. */
  seconds: z.number(),
  commit: z.strictObject({ id: z.string(), dirty: z.boolean() }).nullable(),
  /** Version of lockstep and a hash of the sources that decide a verdict. */
  harness: z.string(),
  /** Result lines before this one. */
  results: z.int(),
  green: z.boolean(),
});

export type ResultLine = z.infer<typeof resultLine>;
export type NightLine = z.infer<typeof nightLine>;
/** The request that a night answers: cases, engines, dtypes, versions of the reference, a seed and a limit. */
export type Asked = NightLine["asked"];

/** The part of a result that is known before its verdict. */
export type ResultFrame = Pick<
  ResultLine,
  "night" | "key" | "case" | "engine" | "dtype" | "seed" | "limit" | "reference" | "versions"
>;

/** The line of a verdict. */
export function recordOf(frame: ResultFrame, verdict: Verdict, attempts: number): ResultLine {
  const { culprit, error, worst } = verdict;
  return {
    kind: "result",
    ...frame,
    measured: frame.night,
    status: verdict.status,
    met: verdict.met,
    compared: verdict.coverage.compared,
    total: verdict.coverage.total,
    worst: worst && { ...worst, ratio: threeDigits(worst.ratio) },
    sites: ratiosOf(verdict.sites),
    culprit: culprit && {
      site: culprit.site,
      phase: culprit.phase,
      summary: culpritText(culprit),
      ...causeOf(culprit),
    },
    error: error && { kind: error.kind, message: error.message },
    attempts,
    seconds: Math.round(verdict.seconds * 1000) / 1000,
  };
}

/** The first candidate's sentence where an experiment explained the culprit. */
function causeOf({ explanation }: NonNullable<Verdict["culprit"]>): { cause?: string } {
  const [first] = explanation?.status === "explained" ? explanation.candidates : [];
  return first ? { cause: changeText(first) } : {};
}

/** The ratio that decides at each site, the local one where there is one, as `worst` takes it. */
function ratiosOf(sites: readonly SiteVerdict[]): Record<string, number> {
  const ratios: Record<string, number> = {};
  for (const { site, local, run } of sites) {
    const value = threeDigits(largestRatio(distanceOf(local) ?? distanceOf(run)));
    if (value > Math.max(listedFrom, ratios[site] ?? 0)) ratios[site] = value;
  }
  return ratios;
}

function threeDigits(value: number): number {
  return Number(value.toPrecision(3));
}

/**
 * A key that is the same for results of different nights that can be compared. The role is the first of those that the
 * reference was asked for as, unless another is given.
 */
export function seriesOf({ case: name, engine, dtype, seed, reference }: ResultLine, role = reference.roles[0]!) {
  return [name, engine, dtype, seed, role].join("\0");
}

/** True when every result was as expected, and there was one at least. */
export function isGreen(results: readonly Pick<ResultLine, "met">[]): boolean {
  return results.length > 0 && results.every(({ met }) => met);
}
