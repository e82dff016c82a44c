/**
 * The form in which verdicts are embedded in the page: sites in columns, texts once in a front-coded table, numbers to
 * the digits that are shown. About 90 bytes a site instead of 600.
 */
import type { Distance, SiteVerdict, Verdict } from "../../compare/verdict.ts";

/** Distances of one kind over all sites of a verdict. */
export interface PackedDistances {
  /** One character a site: 1 if it has this distance. */
  readonly has: string;
  /** Nine numbers a distance, see `distanceFields`. */
  readonly values: readonly number[];
}

/** The sites of one verdict in columns. Texts are indices into the document's table. */
export interface PackedSites {
  readonly site: readonly number[];
  readonly phase: readonly number[];
  /** Differences to the previous site's order. */
  readonly order: readonly number[];
  /** One letter a site: p, f, u, e. */
  readonly status: string;
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
}

/** Everything the page is drawn from. */
export interface PackedDocument {
  /** Front-coded: length shared with the previous text, then the rest. */
  readonly texts: readonly (number | string)[];
  readonly verdicts: readonly PackedVerdict[];
}

const significantDigits = (value: number, digits: number): number => Number(value.toPrecision(digits));

/** Passing sites keep three digits of a ratio and two of everything else; the others keep six. */
function packDistance(distance: Distance, passed: boolean): number[] {
  const { ratio, worst_row: row, worst_column: column, error, noise, rms, max_error } = distance;
  const exact = (value: number): number => significantDigits(value, passed ? 3 : 6);
  const rough = (value: number): number => significantDigits(value, passed ? 2 : 6);
  const isProduct = Math.abs(error - ratio * noise) <= 0.01 * error;
  return [
    exact(ratio),
    row.index,
    rough(row.ratio),
    column?.index ?? -1,
    rough(column?.ratio ?? 0),
    isProduct ? -1 : exact(error),
    exact(noise),
    rough(rms),
    rough(max_error),
  ];
}

function packDistances(sites: readonly SiteVerdict[], kind: "accumulated" | "local"): PackedDistances {
  const values: number[] = [];
  let has = "";
  for (const site of sites) {
    const distance = site[kind];
    has += distance ? "1" : "0";
    if (distance) values.push(...packDistance(distance, site.status === "pass"));
  }
  return { has, values };
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

type Intern = (text: string | undefined) => number;

function packSites(sites: readonly SiteVerdict[], intern: Intern): PackedSites {
  const rest: Record<string, Pick<SiteVerdict, "reason" | "found_shape" | "found_dtype" | "detail">> = {};
  sites.forEach(({ reason, found_shape, found_dtype, detail }, position) => {
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
    shape: sites.map((site) => intern(site.shape?.join(","))),
    dtype: sites.map((site) => intern(site.dtype)),
    accumulated: packDistances(sites, "accumulated"),
    local: packDistances(sites, "local"),
    rest,
  };
}

/** Packs verdicts for embedding. */
export function packVerdicts(verdicts: readonly Verdict[]): PackedDocument {
  const positions = new Map<string, number>();
  const intern: Intern = (text) => {
    if (text === undefined) return -1;
    const known = positions.get(text);
    if (known !== undefined) return known;
    positions.set(text, positions.size);
    return positions.size - 1;
  };
  const packed = verdicts.map(({ sites, ...verdict }) => ({
    verdict: { ...verdict, coverage: { ...verdict.coverage, unknown: [], unexpected: [] } },
    unknown: verdict.coverage.unknown.map(intern),
    unexpected: verdict.coverage.unexpected.map(intern),
    sites: packSites(sites, intern),
  }));
  return { texts: frontCode([...positions.keys()]), verdicts: packed };
}
