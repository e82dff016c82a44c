/**
 * The form in which verdicts are embedded in the page: sites in columns, texts once in a front-coded table, numbers to
 * the digits that are shown. About 90 bytes a site instead of 600.
 */
import { distanceOf } from "../../verdict/deciding.ts";
import type { Detail, Distance, Judgement, SiteVerdict, Why } from "../../verdict/site.ts";
import type { Verdict } from "../../verdict/schema.ts";
import { isInherited } from "./format.ts";
import type { PastResult, TrendPoint } from "./trend.ts";
import { trendOf } from "./trend.ts";

/** Distances of one kind over all sites of a verdict. */
export interface PackedDistances {
  /** One character a site: 1 if it has this distance. */
  readonly has: string;
  /** Nine columns, in the order of `packDistance`: like beside like compresses better. */
  readonly columns: readonly (readonly number[])[];
}

/** Judgements of one kind over all sites of a verdict. */
export interface PackedJudgements {
  /** One letter a site: p, f, u, or - where there is none. */
  readonly status: string;
  readonly distances: PackedDistances;
  /** The parts of a judgement that few sites have, by position: why it is no pass, a tie, the detail of a failure. */
  readonly rest: Readonly<Record<string, Judgement>>;
}

/** The sites of one verdict in columns. Texts are indices into the document's table. */
export interface PackedSites {
  readonly site: readonly number[];
  readonly phase: readonly number[];
  /** Differences to the previous site's order. */
  readonly order: readonly number[];
  /** The judgements of the run and of the site alone. */
  readonly run: PackedJudgements;
  readonly local: PackedJudgements;
  /** Text index of the expected shape `1,24,3840`, or -1. */
  readonly shape: readonly number[];
  readonly dtype: readonly number[];
}

/** One verdict: as in the schema, except for sites and coverage lists. */
export interface PackedVerdict {
  readonly verdict: Omit<Verdict, "sites">;
  readonly unknown: readonly number[];
  readonly unexpected: readonly number[];
  readonly sites: PackedSites;
  /** The nights before, in a report with a history. */
  readonly trend?: readonly TrendPoint[];
}

/** Everything that the page is drawn from. */
export interface PackedDocument {
  /** Front-coded: length shared with the previous text, then the rest. */
  readonly texts: readonly (number | string)[];
  readonly verdicts: readonly PackedVerdict[];
}

/** Place of the oracle's rms in what `packDistance` returns. */
export const rmsField = 7;

/** Powers of ten that a double holds exactly. */
const powers = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** `Number(value.toPrecision(digits))`, without the detour over text where a power of ten is exact: 5 times as fast. */
function significantDigits(value: number, digits: number): number {
  const shift = digits - 1 - Math.floor(Math.log10(Math.abs(value)));
  const power = powers[Math.abs(shift)];
  if (power === undefined) return Number(value.toPrecision(digits));
  return shift < 0 ? Math.round(value / power) * power : Math.round(value * power) / power;
}

/**
 * Sites that pass keep what is shown of them: hundredths of a ratio, three digits of one that carries an error on, and
 * two digits of everything else; the others keep six digits. -1 stands for null, and for an error that is ratio times
 * noise. The largest error is in units of noise. Field 7, the oracle's rms, is 0 in a local distance whose oracle is as
 * large as that of the run's.
 */
function packDistance(distance: Distance, passed: boolean): number[] {
  const { ratio, worst_row: row, worst_column: column, error, noise, rms, max_error } = distance;
  const rough = (value: number): number => significantDigits(value, passed ? 2 : 6);
  const short = (value: number): number => {
    if (!passed) return rough(value);
    return value < 1000 ? Math.round(value * 100) / 100 : significantDigits(value, 3);
  };
  const isProduct = Math.abs(error - ratio * noise) <= 0.01 * error;
  return [
    short(ratio),
    row?.index ?? -1,
    short(row?.ratio ?? 0),
    column?.index ?? -1,
    short(column?.ratio ?? 0),
    isProduct ? -1 : rough(error),
    rough(noise),
    rough(rms),
    max_error === null ? -1 : rough(noise > 0 ? max_error / noise : max_error),
  ];
}

function packDistances(sites: readonly SiteVerdict[], kind: "run" | "local"): PackedDistances {
  const rows: number[][] = [];
  let has = "";
  for (const site of sites) {
    const distance = distanceOf(site[kind]);
    has += distance ? "1" : "0";
    if (!distance) continue;
    const row = packDistance(distance, site.status === "pass");
    const whole = distanceOf(site.run);
    const isShared = kind === "local" && whole && Math.abs(whole.rms - distance.rms) < 0.01 * distance.rms;
    if (isShared) row[rmsField] = 0;
    rows.push(row);
  }
  return { has, columns: (rows[0] ?? []).map((_, field) => rows.map((row) => row[field] ?? 0)) };
}

function frontCode(texts: readonly string[]): (number | string)[] {
  const coded: (number | string)[] = [];
  let previous = "";
  for (const text of texts) {
    let shared = 0;
    while (shared < text.length && text[shared] === previous[shared]) shared += 1;
    coded.push(shared, text.slice(shared));
    previous = text;
  }
  return coded;
}

/** Elements as they are shown, seven digits. */
function packElements(elements: Detail["worst_elements"]): Detail["worst_elements"] {
  const short = <Value extends number | string>(value: Value): Value | number =>
    typeof value === "number" ? Number(value.toPrecision(7)) : value;
  return elements.map(({ index, found, expected }) => ({ index, found: short(found), expected: short(expected) }));
}

/** A ratio of the whole tensor: its distance says it already. */
function isPlain(why: Why): boolean {
  return why.kind === "noise" && why.at.part === "tensor";
}

/**
 * A judgement without its distance; a site that only carries an error on keeps no detail: that would be nine tenths of
 * the page, and is in the verdict's JSON.
 */
function packRest(judgement: Judgement, site: SiteVerdict): Judgement | null {
  switch (judgement.status) {
    case "pass":
      return judgement.tie ? { status: "pass", tie: judgement.tie } : null;
    case "unknown":
      return judgement;
    case "fail": {
      const { status, why, detail, distance } = judgement;
      if (!detail || isInherited(site)) return isPlain(why) && distance ? null : { status, why };
      return { status, why, detail: { ...detail, worst_elements: packElements(detail.worst_elements) } };
    }
  }
}

function packJudgements(sites: readonly SiteVerdict[], kind: "run" | "local"): PackedJudgements {
  const rest: Record<string, Judgement> = {};
  sites.forEach((site, position) => {
    const judgement = site[kind];
    const packed = judgement && packRest(judgement, site);
    if (packed) rest[position] = packed;
  });
  const status = sites.map((site) => site[kind]?.status.charAt(0) ?? "-").join("");
  return { status, distances: packDistances(sites, kind), rest };
}

type Intern = (text: string | undefined) => number;

function packSites(sites: readonly SiteVerdict[], intern: Intern): PackedSites {
  return {
    site: sites.map((site) => intern(site.site)),
    phase: sites.map((site) => intern(site.phase)),
    order: sites.map((site, position) => site.order - (sites[position - 1]?.order ?? 0)),
    shape: sites.map(({ expected }) => intern(expected?.shape.join(","))),
    dtype: sites.map(({ expected }) => intern(expected?.dtype)),
    run: packJudgements(sites, "run"),
    local: packJudgements(sites, "local"),
  };
}

function trendFields(verdict: Verdict, history: readonly PastResult[]): Pick<PackedVerdict, "trend"> {
  const trend = trendOf(verdict, history);
  return trend.length > 1 ? { trend } : {};
}

/** Packs verdicts for embedding; `history` are the results of the nights before. */
export function packVerdicts(verdicts: readonly Verdict[], history: readonly PastResult[] = []): PackedDocument {
  const positions = new Map<string, number>();
  const intern: Intern = (text) => {
    if (text === undefined) return -1;
    const known = positions.get(text);
    if (known !== undefined) return known;
    positions.set(text, positions.size);
    return positions.size - 1;
  };
  const packed = verdicts.map(({ sites, ...verdict }) => ({
    ...trendFields({ ...verdict, sites }, history),
    verdict: { ...verdict, coverage: { ...verdict.coverage, unknown: [], unexpected: [] } },
    unknown: verdict.coverage.unknown.map(intern),
    unexpected: verdict.coverage.unexpected.map(intern),
    sites: packSites(sites, intern),
  }));
  return { texts: frontCode([...positions.keys()]), verdicts: packed };
}
