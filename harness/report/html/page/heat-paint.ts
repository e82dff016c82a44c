/** Drawing of heat map cells on a canvas. */
import type { SiteVerdict } from "../../../compare/verdict.ts";
import { type Measure, ratioOf, worseSite } from "../format.ts";
import type { MapBlock } from "../map-layout.ts";
import { ratioColour, statusColour, type Theme } from "./scale.ts";

/** Sizes in CSS pixels. `columns` and `rows` are the left and top edges of each cell. */
export interface Geometry {
  readonly size: number;
  readonly columns: readonly number[];
  readonly rows: readonly number[];
  readonly width: number;
  readonly height: number;
}

const gap = 1;
const groupGap = 6;

/** Where the cells of a block lie: a wider gap between groups of columns. */
export function geometryOf(block: MapBlock, size: number): Geometry {
  const count = Math.max(0, ...block.rows.map((row) => row.cells.length));
  const columns: number[] = [];
  let left = 0;
  for (let column = 0; column < count; column += 1) {
    const changes = column > 0 && block.columns?.[column]?.group !== block.columns?.[column - 1]?.group;
    left += changes ? groupGap : 0;
    columns.push(left);
    left += size + gap;
  }
  const rows = block.rows.map((_, row) => row * (size + gap));
  return { size, columns, rows, width: Math.max(left, 1), height: Math.max(rows.length * (size + gap), 1) };
}

/** Cell under a point, or null. */
export function cellAt(
  { columns, rows, size }: Geometry,
  x: number,
  y: number,
): { row: number; column: number } | null {
  const column = columns.findLastIndex((left) => left <= x);
  const row = rows.findLastIndex((top) => top <= y);
  const isInside =
    column >= 0 && row >= 0 && x < (columns[column] ?? 0) + size + gap && y < (rows[row] ?? 0) + size + gap;
  return isInside ? { row, column } : null;
}

/** What the painter has to know besides the cells. */
export interface Paint {
  readonly entries: ReadonlyMap<string, SiteVerdict>;
  readonly isDimmed: (site: SiteVerdict) => boolean;
  readonly measure: Measure;
  readonly limit: number;
  readonly theme: Theme;
  readonly selected: string;
  readonly culprit: string;
}

/** The entry that a cell shows: the worst of its sites. */
export function cellEntry(sites: readonly string[], entries: Paint["entries"], measure: Measure): SiteVerdict | null {
  return sites.reduce<SiteVerdict | null>((worst, name) => {
    const entry = entries.get(name);
    if (!entry) return worst;
    return worst ? worseSite(worst, entry, measure) : entry;
  }, null);
}

type Pen = CanvasRenderingContext2D;
const inks = {
  light: { line: "#b4b8bc", empty: "#e9e9e5", mark: "#ffffff", ring: "#14161a", paper: "#ffffff", hatch: "#f7f7f5" },
  dark: { line: "#4d545d", empty: "#24282d", mark: "#14161a", ring: "#ffffff", paper: "#16191d", hatch: "#191d21" },
} as const;

function drawHatch(pen: Pen, x: number, y: number, size: number, theme: Theme): void {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, size, size);
  pen.clip();
  pen.fillStyle = inks[theme].hatch;
  pen.fillRect(x, y, size, size);
  pen.strokeStyle = inks[theme].line;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let offset = -size; offset < size; offset += 5) {
    pen.moveTo(x + offset, y + size);
    pen.lineTo(x + offset + size, y);
  }
  pen.stroke();
  pen.restore();
}

/** A cross in the cell: failing sites are told apart without colour. */
function drawCross(pen: Pen, x: number, y: number, size: number, colour: string): void {
  const inset = Math.max(3, size * 0.3);
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x + inset, y + inset);
  pen.lineTo(x + size - inset, y + size - inset);
  pen.moveTo(x + size - inset, y + inset);
  pen.lineTo(x + inset, y + size - inset);
  pen.stroke();
}

function drawRing(pen: Pen, x: number, y: number, size: number, style: { colour: string; paper: string }): void {
  pen.strokeStyle = style.paper;
  pen.lineWidth = 3;
  pen.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
  pen.strokeStyle = style.colour;
  pen.lineWidth = 1.75;
  pen.strokeRect(x - 0.25, y - 0.25, size + 0.5, size + 0.5);
}

/** Paints one block; the canvas is sized for the screen's pixels. */
export function paintBlock(canvas: HTMLCanvasElement, block: MapBlock, geometry: Geometry, paint: Paint): void {
  const scale = Math.min(devicePixelRatio || 1, 3);
  const margin = 2;
  canvas.width = Math.ceil((geometry.width + 2 * margin) * scale);
  canvas.height = Math.ceil((geometry.height + 2 * margin) * scale);
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(scale, scale);
  pen.translate(margin, margin);
  const { size } = geometry;
  const ink = inks[paint.theme];
  const rings: (() => void)[] = [];
  block.rows.forEach((row, rowIndex) => {
    row.cells.forEach((sites, column) => {
      if (sites.length === 0) return;
      const x = geometry.columns[column] ?? 0;
      const y = geometry.rows[rowIndex] ?? 0;
      const entry = cellEntry(sites, paint.entries, paint.measure);
      pen.globalAlpha = entry && paint.isDimmed(entry) ? 0.14 : 1;
      const ratio = entry ? ratioOf(entry, paint.measure) : null;
      if (!entry) {
        pen.fillStyle = ink.empty;
        pen.fillRect(x + size / 2 - 1, y + size / 2 - 1, 2, 2);
      } else if (entry.status === "unknown") drawHatch(pen, x, y, size, paint.theme);
      else {
        pen.fillStyle =
          ratio === null ? statusColour(entry.status, paint.theme) : ratioColour(ratio, paint.limit, paint.theme);
        pen.fillRect(x, y, size, size);
        const isFailing = entry.status !== "pass";
        const isPale = ratio !== null && ratio <= paint.limit * 10;
        if (isFailing) drawCross(pen, x, y, size, isPale && paint.theme === "light" ? ink.ring : ink.mark);
      }
      pen.globalAlpha = 1;
      if (sites.includes(paint.culprit)) {
        rings.push(() =>
          drawRing(pen, x, y, size, { colour: paint.theme === "dark" ? "#ffd7c7" : "#8c1c04", paper: ink.paper }),
        );
      }
      if (sites.includes(paint.selected))
        rings.push(() => drawRing(pen, x, y, size, { colour: ink.ring, paper: ink.paper }));
    });
  });
  for (const ring of rings) ring();
}
