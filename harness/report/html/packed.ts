/**
 * The form in which verdicts are embedded in the page: sites in columns, texts once in a front-coded table, numbers to
 * the digits that are shown. About 90 bytes a site instead of 600.
 */
import type { Detail, Distance, SiteVerdict, Verdict } from "../../verdict/schema.ts";
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

/** The sites of one verdict in columns. Texts are indices into the document's table. */
export interface PackedSites {
  readonly site: readonly number[];
  readonly phase: readonly number[];
  /** Differences to the previous site's order. */
  readonly order: readonly number[];
  /** One letter a site: p, f, u, e. */
  readonly status: string;
  /** The same letters, "-" for a site that has none; "" when no site has one. */
  readonly accumulated_status: string;
  readonly local_status: string;
  /** Text index of the shape `1,24,3840`, or -1. */
  readonly shape: readonly number[];
  readonly dtype: readonly number[];
  readonly accumulated: PackedDistances;
  readonly local: PackedDistances;
  /** What only a few sites have, by position. */
  readonly rest: Readonly<Record<string, Pick<SiteVerdict, "reason" | "found_shape" | "found_dtype" | "detail">>>;
}

/** One verdict: as in the schema, except for sites and coverage lists. */
export interface PackedVerdict {
  readonly verdict: Omit<Verdict, "sites">;
  readonly unknown: readonly number[];
  readonly unexpected: readonly number[];
  readonly sites: PackedSites;
  /** Of a report with a history. */
  readonly trend?: readonly TrendPoint[];
}

/** Everything the page is drawn from. */
export interface PackedDocument {
  /** Front-coded: length shared with the previous text, then the rest. */
  readonly texts: readonly (number | string)[];
  readonly verdicts: readonly PackedVerdict[];
}

/** Where `packDistance` puts the oracle's rms. */
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
 * Sites that pass keep what is shown of them: hundredths of a ratio, three digits of one that carries an error on, and two digits of everything else; the others keep six
 * digits. -1 stands for null, and for an error that is ratio times noise. The largest error is in units of noise. Field 7, the oracle's rms, is 0 in a local distance whose oracle is as
 * large as the accumulated one's.
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

function packDistances(sites: readonly SiteVerdict[], kind: "accumulated" | "local"): PackedDistances {
  const rows: number[][] = [];
  let has = "";
  for (const site of sites) {
    const distance = site[kind];
    has += distance ? "1" : "0";
    if (!distance) continue;
    const row = packDistance(distance, site.status === "pass");
    const isShared =
      kind === "local" && site.accumulated && Math.abs(site.accumulated.rms - distance.rms) < 0.01 * distance.rms;
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

/** A site that only carries an error on keeps no detail: that would be nine tenths of the page, and is in the verdict's JSON. */
function packDetail({ detail, ...site }: SiteVerdict): Detail | undefined {
  if (!detail || isInherited(site)) return undefined;
  return { ...detail, worst_elements: packElements(detail.worst_elements) };
}

function packStatuses(sites: readonly SiteVerdict[], kind: "accumulated_status" | "local_status"): string {
  if (sites.every((site) => site[kind] === undefined)) return "";
  return sites.map((site) => site[kind]?.charAt(0) ?? "-").join("");
}

type Intern = (text: string | undefined) => number;

function packSites(sites: readonly SiteVerdict[], intern: Intern): PackedSites {
  const rest: Record<string, Pick<SiteVerdict, "reason" | "found_shape" | "found_dtype" | "detail">> = {};
  sites.forEach((site, position) => {
    const { reason, found_shape, found_dtype } = site;
    const detail = packDetail(site);
    const some = {
      ...(reason !== undefined && { reason }),
      ...(found_shape && { found_shape }),
      ...(found_dtype !== undefined && { found_dtype }),
      ...(detail && { detail }),
    };
    if (Object.keys(some).length > 0) rest[position] = some;
  });
  return {
    site: sites.map((site) => intern(site.site)),
    phase: sites.map((site) => intern(site.phase)),
    order: sites.map((site, position) => site.order - (sites[position - 1]?.order ?? 0)),
    status: sites.map((site) => site.status.charAt(0)).join(""),
    accumulated_status: packStatuses(sites, "accumulated_status"),
    local_status: packStatuses(sites, "local_status"),
    shape: sites.map((site) => intern(site.shape?.join(","))),
    dtype: sites.map((site) => intern(site.dtype)),
    accumulated: packDistances(sites, "accumulated"),
    local: packDistances(sites, "local"),
    rest,
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
