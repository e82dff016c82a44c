import { format } from "../../verdict/words/ratio.ts";

/** One run of a healthy engine: what it was, and the largest local and accumulated ratio over all of its sites. */
export interface Measured {
  readonly variant: string;
  readonly case: string;
  readonly dtype: string;
  readonly seed: number;
  /** Sites that were judged, and sites that the engine does not offer. */
  readonly sites: number;
  readonly unknown: number;
  readonly local: number;
  /** The site of the largest local ratio. */
  readonly where: string;
  readonly accumulated: number;
  /** The local ratios of all judged sites. */
  readonly ratios: readonly number[];
  /** The reason why the run was not green, a false alarm; null for a green run. */
  readonly alarm: string | null;
}

/** A planted fault: the local ratio at its culprit, and why it failed. */
export interface Planted {
  readonly id: string;
  readonly category: string;
  readonly found: boolean;
  /** The ratio; null where shapes, masks or exactness decide. */
  readonly ratio: number | null;
  readonly reason: string;
}

/** The measurements of a calibration. */
export interface Calibration {
  readonly healthy: readonly Measured[];
  readonly faults: readonly Planted[];
  /** Faults in the catalogue, of which `faults` may be a sample. */
  readonly catalogue: number;
  readonly limit: number;
  /** Variants that could not be run here, and why. */
  readonly missing: readonly { readonly title: string; readonly missing: string }[];
}

/** The two sides of the limit and the room between them. */
export function summarize({ healthy, faults, limit }: Calibration) {
  const worst = healthy.reduce<Measured | null>(
    (most, run) => (most === null || run.local > most.local ? run : most),
    null,
  );
  const above = faults.flatMap(({ ratio, found }) => (found && ratio !== null && ratio > limit ? [ratio] : []));
  return {
    sites: healthy.reduce((total, run) => total + run.sites, 0),
    alarms: healthy.filter(({ alarm }) => alarm !== null),
    worst,
    byRatio: above.length,
    otherwise: faults.filter(({ found }) => found).length - above.length,
    missed: faults.filter(({ found }) => !found),
    least: above.length > 0 ? Math.min(...above) : null,
  };
}

const edges = [0, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4, 8, 16, 64, 256, 1e3, 1e4, 1e5, 1e6, Number.POSITIVE_INFINITY];

/** Summarises the measurements in a few lines: for the terminal, and at the head of the page. */
export function renderSummaryLines(all: Calibration): string[] {
  const { healthy, faults, catalogue, limit } = all;
  const { sites, alarms, worst, byRatio, otherwise, missed, least } = summarize(all);
  return [
    `- ${healthy.length} healthy runs, ${sites.toLocaleString("en-US")} sites: the largest local ratio is **${format(worst?.local ?? 0)}**, at \`${worst?.where ?? "no site"}\` (${worst?.variant ?? "no run"}, ${worst?.dtype ?? ""}). False alarms: **${alarms.length}**.`,
    `- ${faults.length} of ${catalogue} planted faults: ${byRatio} fail by their ratio, the smallest is **${least === null ? "none" : format(least)}**; ${otherwise} fail by shape, mask, exactness or structure; ${missed.length} are missed.`,
    `- The limit is **${limit}**: ${worst ? format(limit / worst.local) : "?"} times the worst healthy site${least === null ? "" : `; the weakest fault that it catches is ${format(least / limit)} times above, and between ${format(worst?.local ?? 0)} and ${format(least)} lies no healthy site and no fault that fails by its ratio`}.`,
  ];
}

/** The measured limit as a Markdown page: both distributions, the gap between them, a plot, and every run. */
export function renderCalibration(all: Calibration): string {
  const { healthy, faults, limit, missing } = all;
  const { alarms, missed } = summarize(all);
  const lines = [
    "# Calibration",
    "",
    "Written by `lockstep calibrate`. One limit serves all sites, models and dtypes; this page is why it can. A healthy engine computes the same model in another way: other summation orders, kernels, threads, cuts of the",
    "sequence. `*.healthy.ts` beside the cases lists them.",
    "",
    ...renderSummaryLines(all),
    "",
    "![Local ratios of healthy runs and of planted faults on a logarithmic axis, the limit between them](calibration.svg)",
    "",
    "```",
    ...plot(
      healthy.map(({ local }) => local),
      faults.flatMap(({ ratio }) => (ratio === null ? [] : [ratio])),
      limit,
    ),
    "```",
    ...(alarms.length > 0
      ? [
          "",
          "## False alarms",
          "",
          ...alarms.map((run) => `- ${run.variant}, ${run.case}, ${run.dtype}, seed ${run.seed}: ${run.alarm}`),
        ]
      : []),
    ...(missed.length > 0 ? ["", "## Missed faults", "", ...missed.map(({ id, reason }) => `- ${id}: ${reason}`)] : []),
    ...(missing.length > 0
      ? ["", "## Not measured", "", ...missing.map((one) => `- ${one.title}: ${one.missing}`)]
      : []),
    "",
    "## Healthy runs",
    "",
    ...table(
      [
        "variant",
        "case",
        "dtype",
        ">seed",
        ">sites",
        ">not offered",
        ">largest local ratio",
        "at",
        ">largest accumulated ratio",
      ],
      healthy.map((run) => [
        ...[run.variant, run.case, run.dtype, String(run.seed), String(run.sites), String(run.unknown)],
        ...[format(run.local), run.where, format(run.accumulated)],
      ]),
    ),
    "",
    "## The weakest faults",
    "",
    "A fault with a ratio below the limit fails by another test: shape, exactness, or structure.",
    "",
    ...table(
      ["fault", "category", ">local ratio at the culprit", "found"],
      faults
        .filter(({ ratio }) => ratio !== null)
        .toSorted((a, b) => a.ratio! - b.ratio!)
        .slice(0, 30)
        .map(({ id, category, ratio, reason }) => [id, category, format(ratio!), reason]),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** A Markdown table; the cells of a column whose head begins with `>` are set to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    row(head.map((cell) => cell.replace(/^>/, ""))),
    row(head.map((cell) => (cell.startsWith(">") ? "--:" : "---"))),
    ...rows.map(row),
  ];
}

/** Draws both distributions as bars, one line an interval of ratios. */
function plot(healthy: readonly number[], faults: readonly number[], limit: number): string[] {
  const count = (values: readonly number[], bin: number): number =>
    values.filter((value) => value >= edges[bin]! && value < edges[bin + 1]!).length;
  const bar = (number: number, most: number): string =>
    "#".repeat(number === 0 ? 0 : Math.max(1, Math.round((30 * number) / most)));
  const bins = edges
    .slice(0, -1)
    .map((edge, bin) => ({ edge, healthy: count(healthy, bin), faults: count(faults, bin) }));
  const most = Math.max(...bins.map((bin) => Math.max(bin.healthy, bin.faults)));
  const header = `${"ratio from".padStart(10)}  ${"healthy runs".padEnd(36)}  planted faults`;
  return [
    header,
    ...bins.flatMap((bin) => [
      ...(bin.edge === limit ? [`${"-".repeat(10)}  limit ${limit} ${"-".repeat(60)}`] : []),
      `${String(bin.edge).padStart(10)}  ${`${bar(bin.healthy, most)} ${bin.healthy || ""}`.padEnd(36)}  ${bar(bin.faults, most)} ${bin.faults || ""}`.trimEnd(),
    ]),
  ];
}
