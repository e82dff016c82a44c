import { format } from "../compare/judge.ts";

/** One measured run: what it was, and the largest local and accumulated ratio over all of its sites. */
export interface Measured {
  readonly what: string;
  readonly dtype: string;
  readonly seed: number;
  readonly sites: number;
  readonly local: number;
  readonly accumulated: number;
}

/** A planted fault: the local ratio at its culprit, and why it failed. */
export interface Planted {
  readonly id: string;
  /** Null where shapes, masks or structure decide, not a ratio. */
  readonly ratio: number | null;
  readonly reason: string;
}

const edges = [0, 0.5, 1, 1.5, 2, 3, 4, 8, 16, 64, 256, 1e3, 1e4, 1e5, 1e6, Number.POSITIVE_INFINITY];

/** The measured limit as a Markdown page: both distributions, the gap between them, and a plot. */
export function renderCalibration(healthy: readonly Measured[], faults: readonly Planted[], limit: number): string {
  const locals = healthy.map(({ local }) => local);
  const ratios = faults.map(({ ratio }) => ratio).filter((ratio) => ratio !== null);
  const worst = Math.max(...locals);
  const above = ratios.filter((ratio) => ratio > limit);
  const least = Math.min(...above);
  const sites = healthy.reduce((total, run) => total + run.sites, 0);
  const alarms = healthy.filter(({ local }) => local > limit).length;
  const lines = [
    "# Calibration",
    "",
    "Written by `lockstep calibrate`. One limit serves all sites, models and dtypes; this page is why it can.",
    "",
    `- ${healthy.length} healthy runs, ${sites.toLocaleString("en-US")} sites: the largest local ratio is **${format(worst)}**, false alarms ${alarms}.`,
    `- ${faults.length} planted faults: ${above.length} fail by their ratio, the smallest of these is **${format(least)}**; ${faults.length - above.length} fail by shape, mask, exactness or structure.`,
    `- The limit is **${limit}**: ${format(limit / worst)} times the worst healthy site, ${format(least / limit)} times below the weakest fault that needs it.`,
    "",
    "```",
    ...plot(locals, ratios, limit),
    "```",
    "",
    "## Healthy runs",
    "",
    "| run | dtype | seed | sites | largest local ratio | largest accumulated ratio |",
    "|---|---|--:|--:|--:|--:|",
    ...healthy.map(
      (run) =>
        `| ${run.what} | ${run.dtype} | ${run.seed} | ${run.sites} | ${format(run.local)} | ${format(run.accumulated)} |`,
    ),
    "",
    "## The weakest faults",
    "",
    "| fault | local ratio at the culprit | reason |",
    "|---|--:|---|",
    ...faults
      .toSorted((a, b) => (a.ratio ?? 0) - (b.ratio ?? 0))
      .slice(0, 30)
      .map(
        ({ id, ratio, reason }) =>
          `| ${id} | ${ratio === null ? "" : format(ratio)} | ${reason.replaceAll("|", "\\|")} |`,
      ),
  ];
  return `${lines.join("\n")}\n`;
}

/** Both distributions as bars, one line an interval of ratios. */
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
