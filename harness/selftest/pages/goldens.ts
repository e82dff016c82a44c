/** The part of docs/selftest.md that tells what goldens see. */
import { format } from "../../verdict/words/ratio.ts";
import type { Measured } from "./calibration.ts";
import type { Found } from "./selftest.ts";

/** A planted fault and the verdict of its golden. */
export interface GoldenRow {
  readonly id: string;
  readonly title: string;
  readonly category: string;
  /** The site where it is. */
  readonly at: string;
  readonly located: Found;
  /** The culprit, or what broke. */
  readonly where: string;
  /** The largest ratio of all sites. */
  readonly worst: number;
}

/** Shares of the catalogue that goldens must find, and find at the exact site. */
export const wantedShares = { detected: 0.95, exact: 0.8 } as const;

/** Figures of a selftest. */
export interface Figures {
  readonly total: number;
  readonly detected: number;
  readonly exact: number;
}

const heading = "## With goldens, without Python";

/** Counts what was found. */
export function countGolden(rows: readonly Pick<GoldenRow, "located">[]): Figures {
  const undetected = rows.filter(({ located }) => located === "undetected").length;
  const exact = rows.filter(({ located }) => located === "exact").length;
  return { total: rows.length, detected: rows.length - undetected, exact };
}

/** True when goldens see what they must, and accuse no healthy engine. */
export function isGoodEnough({ total, detected, exact }: Figures, healthy: readonly Measured[]): boolean {
  const enough = detected >= wantedShares.detected * total && exact >= wantedShares.exact * total;
  return total > 0 && enough && healthy.length > 0 && healthy.every(({ alarm }) => alarm === null);
}

/** The figures of the live selftest, as the page has them; null where it has none. */
export function liveFigures(page: string): Figures | null {
  const match = /\*\*(\d+) of (\d+) detected \([^)]*\), (\d+) at the exact site/.exec(page.split(heading)[0]!);
  if (!match) return null;
  const [detected, total, exact] = match.slice(1).map(Number);
  return { detected: detected!, total: total!, exact: exact! };
}

/** Figures in one line: "402 of 406 detected (99.0 %), 402 at the exact site (99.0 %)". */
export function describeFigures({ total, detected, exact }: Figures): string {
  const share = (part: number): string => `${((100 * part) / Math.max(total, 1)).toFixed(1)} %`;
  return `${detected} of ${total} detected (${share(detected)}), ${exact} at the exact site (${share(exact)})`;
}

/** The section: both selftests' figures, what was missed or found elsewhere, and the runs of right engines. */
export function renderGoldenSection(
  rows: readonly GoldenRow[],
  healthy: readonly Measured[],
  live: Figures | null,
): string {
  const alarms = healthy.filter(({ alarm }) => alarm !== null);
  const poorly = rows.filter(({ located }) => located !== "exact");
  const sites = healthy.reduce((total, run) => total + run.sites, 0);
  const lines = [
    heading,
    "",
    "Written by `lockstep selftest --golden --write`: the same faults, checked against the recorded references in float32.",
    "",
    "| | |",
    "|---|---|",
    `| goldens | **${describeFigures(countGolden(rows))}** |`,
    `| live, above | ${live ? describeFigures(live) : "not measured"} |`,
    `| false alarms of goldens | **${alarms.length}** in ${healthy.length} runs of engines that are right, ${sites} sites |`,
    "",
  ];
  if (poorly.length > 0)
    lines.push(
      "Missed, or found elsewhere:",
      "",
      ...poorly.map(({ id, title, located, where, at, worst }) => {
        const how =
          located === "undetected" ? `no site is above ${format(worst)}x noise` : `${located}, at \`${where}\``;
        return `- \`${id}\` (${title}): ${how}; it is at \`${at}\``;
      }),
      "",
    );
  lines.push(
    "Engines that are right, each rounding in its own way:",
    "",
    "| engine | cases | sites | worst ratio | alarms |",
    "|---|--:|--:|--:|--:|",
    ...[...Map.groupBy(healthy, ({ variant }) => variant)].map(([variant, runs]) => {
      const worst = Math.max(...runs.map(({ accumulated }) => accumulated));
      const total = runs.reduce((count, run) => count + run.sites, 0);
      const wrong = runs.filter(({ alarm }) => alarm !== null).length;
      return `| ${variant} | ${runs.length} | ${total} | ${format(worst)}x | ${wrong} |`;
    }),
    "",
    ...alarms.map(({ variant, case: name, alarm }) => `- false alarm: ${variant}, \`${name}\`: ${alarm}`),
  );
  return `${lines.join("\n").trimEnd()}\n`;
}

/** The page with another section about goldens; without one, `section` null, as the live selftest leaves it. */
export function withGoldenSection(page: string, section: string | null): string {
  const start = page.indexOf(heading);
  const rest = (start < 0 ? page : page.slice(0, start)).trimEnd();
  return section === null ? `${rest}\n` : `${rest}\n\n${section}`;
}

/** The section about goldens that a page has, null where it has none. */
export function goldenSectionOf(page: string): string | null {
  const start = page.indexOf(heading);
  return start < 0 ? null : page.slice(start);
}
