/** Drawing of the chart of ratio against execution order. */
import type { SiteVerdict } from "../../../verdict/site.ts";
import { failsIn, formatRatio, type Measure, powerOfTen, ratioOf } from "../format.ts";
import { placeOf } from "../map-layout.ts";
import { logShare, markColour, type Theme } from "./scale.ts";

/** One site on the chart, in CSS pixels. */
export interface ChartPoint {
  readonly site: SiteVerdict;
  readonly ratio: number;
  readonly x: number;
  readonly y: number;
}

/** Size of the chart and the ends of its scales. */
export interface ChartFrame {
  readonly width: number;
  readonly height: number;
  readonly low: number;
  readonly high: number;
}

/** Room for the axes. */
const edge = { left: 40, right: 14, top: 10, bottom: 32 } as const;

/** Points of all sites that have a ratio, spread evenly in execution order, and the frame that holds them. */
export function plotSites(
  sites: readonly SiteVerdict[],
  measure: Measure,
  width: number,
  limit: number,
): [ChartPoint[], ChartFrame] {
  const rated = sites.flatMap((site) => {
    const ratio = ratioOf(site, measure);
    return ratio === null ? [] : [{ site, ratio }];
  });
  const highest = rated.reduce((high, { ratio }) => Math.max(high, ratio), limit * 4);
  const frame = { width, height: 220, low: 0.1, high: 10 ** Math.min(Math.ceil(Math.log10(highest * 1.2)), 12) };
  const step = (width - edge.left - edge.right) / Math.max(rated.length - 1, 1);
  const points = rated.map(({ site, ratio }, index) => ({
    site,
    ratio,
    x: edge.left + index * step,
    y: heightOf(ratio, frame),
  }));
  return [points, frame];
}

function heightOf(ratio: number, { height, low, high }: ChartFrame): number {
  const share = Math.min(Math.max(logShare(ratio, low, high), 0), 1);
  return height - edge.bottom - share * (height - edge.top - edge.bottom);
}

/** The point nearest to a place on the chart; across counts more than up and down. */
export function nearestPoint(points: readonly ChartPoint[], x: number, y: number): ChartPoint | null {
  let nearest: ChartPoint | null = null;
  let best = Infinity;
  for (const point of points) {
    const distance = (point.x - x) ** 2 + 0.25 * (point.y - y) ** 2;
    if (distance < best) [nearest, best] = [point, distance];
  }
  return nearest;
}

const inks = {
  light: { text: "#5a6068", grid: "#ecece8", axis: "#c9cac6", line: "#7c838c", limit: "#9a2b0a", ring: "#14161a" },
  dark: { text: "#9aa2ac", grid: "#24282d", axis: "#3a4048", line: "#8b939d", limit: "#ffa184", ring: "#ffffff" },
} as const;

/** Everything that the chart depends on besides its points. */
export interface ChartPaint {
  readonly measure: Measure;
  readonly limit: number;
  readonly theme: Theme;
  readonly selected: SiteVerdict | null;
  readonly isDimmed: (site: SiteVerdict) => boolean;
}

type Pen = CanvasRenderingContext2D;

function drawGrid(pen: Pen, frame: ChartFrame, { limit, theme }: ChartPaint): void {
  const ink = inks[theme];
  const exponents = Math.round(Math.log10(frame.high));
  const every = exponents > 6 ? 2 : 1;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (let exponent = -1; exponent <= exponents; exponent += 1) {
    const y = Math.round(heightOf(10 ** exponent, frame)) + 0.5;
    pen.strokeStyle = ink.grid;
    line(pen, [edge.left, y], [frame.width - edge.right, y]);
    pen.fillStyle = ink.text;
    const label = exponent < 0 ? "0.1" : exponent === 0 ? "1" : powerOfTen(exponent);
    if (exponent % every === 0 || exponent === 0) pen.fillText(label, edge.left - 8, y);
  }
  const y = Math.round(heightOf(limit, frame)) + 0.5;
  pen.strokeStyle = ink.limit;
  pen.setLineDash([5, 3]);
  line(pen, [edge.left, y], [frame.width - edge.right, y]);
  pen.setLineDash([]);
  pen.fillStyle = ink.limit;
  pen.textAlign = "left";
  pen.textBaseline = "bottom";
  pen.fillText(`limit ${formatRatio(limit).replace(".00", "")}`, edge.left + 4, y - 2);
}

function line(pen: Pen, [x, y]: readonly [number, number], [toX, toY]: readonly [number, number]): void {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(toX, toY);
  pen.stroke();
}

/** Marks under the axis where a layer begins, and lines between phases. */
function drawPlaces(pen: Pen, points: readonly ChartPoint[], frame: ChartFrame, theme: Theme): void {
  const ink = inks[theme];
  const floor = frame.height - edge.bottom;
  let layer = "";
  let phase: string | null = null;
  let labelled = -Infinity;
  let named = -Infinity;
  pen.textAlign = "left";
  pen.textBaseline = "top";
  for (const point of points) {
    const place = placeOf(point.site.site);
    const here = place && place.stack !== "cache" ? `${point.site.phase} ${place.stack} ${place.layer}` : "";
    if (here !== layer && here !== "") {
      pen.strokeStyle = ink.axis;
      line(pen, [Math.round(point.x) + 0.5, floor], [Math.round(point.x) + 0.5, floor + 4]);
      pen.fillStyle = ink.text;
      if (point.x - labelled > 16) {
        pen.fillText(String(place?.layer), point.x + 1, floor + 4);
        labelled = point.x;
      }
    }
    layer = here;
    if (point.site.phase !== phase) {
      pen.strokeStyle = ink.axis;
      if (phase !== null) line(pen, [Math.round(point.x) - 1.5, edge.top], [Math.round(point.x) - 1.5, floor + 16]);
      phase = point.site.phase;
      pen.fillStyle = ink.text;
      if (point.x - named > 60) {
        pen.fillText(phase, point.x + 1, floor + 18);
        named = point.x;
      }
    }
  }
}

/** The course of the residual stream: outputs of whole layers, a line for each phase. */
function drawStream(pen: Pen, points: readonly ChartPoint[], theme: Theme): void {
  pen.strokeStyle = inks[theme].line;
  pen.lineWidth = 1;
  for (const phase of Map.groupBy(points, (point) => point.site.phase).values()) {
    pen.beginPath();
    for (const point of phase) if (/\.\d+:out$/.test(point.site.site)) pen.lineTo(point.x, point.y);
    pen.stroke();
  }
}

function drawPoint(pen: Pen, point: ChartPoint, paint: ChartPaint): void {
  pen.globalAlpha = paint.isDimmed(point.site) ? 0.12 : 1;
  const colour = markColour(point.ratio, paint.limit, paint.theme);
  if (failsIn(point.site, paint.measure, paint.limit)) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.75;
    line(pen, [point.x - 3, point.y - 3], [point.x + 3, point.y + 3]);
    line(pen, [point.x + 3, point.y - 3], [point.x - 3, point.y + 3]);
  } else {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.arc(point.x, point.y, 2.4, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

/** Paints the whole chart. */
export function paintChart(
  canvas: HTMLCanvasElement,
  points: readonly ChartPoint[],
  frame: ChartFrame,
  paint: ChartPaint,
): void {
  const scale = Math.min(devicePixelRatio || 1, 3);
  canvas.width = Math.ceil(frame.width * scale);
  canvas.height = Math.ceil(frame.height * scale);
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(scale, scale);
  pen.font = `10.5px ${getComputedStyle(canvas).fontFamily}`;
  pen.lineWidth = 1;
  drawGrid(pen, frame, paint);
  drawPlaces(pen, points, frame, paint.theme);
  drawStream(pen, points, paint.theme);
  for (const point of points) drawPoint(pen, point, paint);
  const selected = points.find((point) => point.site === paint.selected);
  if (!selected) return;
  pen.strokeStyle = inks[paint.theme].ring;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(selected.x, selected.y, 6, 0, 2 * Math.PI);
  pen.stroke();
}
