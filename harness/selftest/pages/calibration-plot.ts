import type { Calibration } from "./calibration.ts";

const [width, height, left, right, top, bottom] = [860, 430, 24, 24, 46, 44];
const [panelHeight, panelGap] = [86, 28];
/** Ratios on the axis; what lies outside is drawn at its ends. */
const [lowest, highest] = [0.05, 1e9];
const binsPerDecade = 8;

const style = `
  svg { font: 13px ui-sans-serif, system-ui, "Segoe UI", "Helvetica Neue", "Liberation Sans", sans-serif; }
  .paper { fill: #ffffff; } text { fill: #15181c; } .soft { fill: #565c64; } .grid { stroke: #e4e4df; } .axis { stroke: #565c64; }
  .healthy { fill: #1c5a9e; } .fault { fill: #d55e00; } .limit { stroke: #15181c; stroke-width: 1.5; stroke-dasharray: 5 3; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #101215; } text { fill: #e6e8eb; } .soft { fill: #a0a8b2; } .grid { stroke: #2a2f36; } .axis { stroke: #a0a8b2; }
    .healthy { fill: #86b9f0; } .fault { fill: #ff9d4d; } .limit { stroke: #e6e8eb; }
  }`;

/** A distribution to draw: its values, how it is called, and what its bars count. */
interface Panel {
  readonly title: string;
  readonly values: readonly number[];
  readonly kind: "healthy" | "fault";
  readonly scale: "linear" | "logarithmic";
}

/**
 * Draws both distributions as an SVG: local ratios on a logarithmic axis, healthy above, faults below, the limit as a
 * line through all. Light and dark by the viewer's setting; blue and orange differ in lightness too and every panel is
 * labelled, so that no colour has to be told from another.
 */
export function drawCalibration({ healthy, faults, limit }: Calibration): string {
  const sites = healthy.flatMap(({ ratios }) => ratios);
  const ratios = faults.flatMap(({ ratio }) => (ratio === null ? [] : [ratio]));
  const panels: Panel[] = [
    {
      title: `Healthy: every site (${sites.length.toLocaleString("en-US")}; bars logarithmic, the first with all below 0.05 and all bit-equal ones)`,
      values: sites,
      kind: "healthy",
      scale: "logarithmic",
    },
    {
      title: `Healthy: the worst site of each of ${healthy.length} runs`,
      values: healthy.map(({ local }) => local),
      kind: "healthy",
      scale: "linear",
    },
    {
      title: `Planted faults: the culprit of each of ${ratios.length}`,
      values: ratios,
      kind: "fault",
      scale: "linear",
    },
  ];
  const floor = height - bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Local ratios of healthy runs and planted faults; the limit is ${limit}">`,
    `<style>${style}\n</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...ticks().map(
      ({ value, label }) =>
        `<line class="grid" x1="${x(value)}" x2="${x(value)}" y1="${top}" y2="${floor}"/><text class="soft" x="${x(value)}" y="${floor + 18}" text-anchor="middle">${label}</text>`,
    ),
    ...panels.flatMap((panel, index) => drawPanel(panel, top + index * (panelHeight + panelGap), x(limit) + 12)),
    `<line class="limit" x1="${x(limit)}" x2="${x(limit)}" y1="${top - 14}" y2="${floor}"/>`,
    `<text x="${x(limit)}" y="${top - 20}" text-anchor="middle" font-weight="600">limit ${limit}</text>`,
    `<text class="soft" x="${width - right}" y="${height - 8}" text-anchor="end">local error in units of the reference's own rounding noise</text>`,
    "</svg>",
    "",
  ].join("\n");
}

function drawPanel({ title, values, kind, scale }: Panel, y: number, titlesAt: number): string[] {
  const base = y + panelHeight;
  const counts = new Map<number, number>();
  for (const value of values) counts.set(binOf(value), (counts.get(binOf(value)) ?? 0) + 1);
  const size = (count: number): number => (scale === "linear" ? count : Math.log10(count) + 0.5);
  const most = Math.max(...[...counts.values()].map(size), 1);
  const bars = [...counts]
    .toSorted(([a], [b]) => a - b)
    .map(([bin, count]) => {
      const [from, to] = [x(edgeOf(bin)), x(edgeOf(bin + 1))];
      const tall = round((size(count) / most) * (panelHeight - 18));
      return `<rect class="${kind}" x="${from}" y="${round(base - tall)}" width="${round(Math.max(1, to - from - 1))}" height="${tall}"><title>${count} from ${edgeOf(bin).toPrecision(2)} to ${edgeOf(bin + 1).toPrecision(2)}</title></rect>`;
    });
  return [
    ...bars,
    `<line class="axis" x1="${left}" x2="${width - right}" y1="${base}" y2="${base}"/>`,
    `<text x="${titlesAt}" y="${y + 10}">${title}</text>`,
  ];
}

function binOf(value: number): number {
  const clamped = Math.min(Math.max(value, lowest), highest * 0.999);
  return Math.floor(Math.log10(clamped / lowest) * binsPerDecade);
}

function edgeOf(bin: number): number {
  return Math.min(highest, lowest * 10 ** (bin / binsPerDecade));
}

function x(value: number): number {
  const share = Math.log10(value / lowest) / Math.log10(highest / lowest);
  return round(left + share * (width - left - right));
}

function ticks(): { value: number; label: string }[] {
  const powers = Array.from({ length: 10 }, (_, index) => index - 1);
  return powers.map((power) => ({
    value: 10 ** power,
    label: power < 4 ? (10 ** power).toLocaleString("en-US") : `10<tspan dy="-5" font-size="10">${power}</tspan>`,
  }));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
