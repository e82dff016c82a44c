/** Drawing of heat map cells on a canvas. */
import type { SiteVerdict } from "../../../verdict/site.ts";
import { blameOf, type Measure, ratioOf, worseSite } from "../format.ts";
import type { MapBlock } from "../map-layout.ts";
import { ratioColour, statusColour, type Theme } from "./scale.ts";

/** Sizes in CSS pixels. `columns` and `rows` are the left and top edges of each cell. */
export interface Geometry {
  /** Width and height of a cell; tall stacks have lower cells. */
  readonly size: number;
  readonly tall: number;
  readonly columns: readonly number[];
  readonly rows: readonly number[];
  readonly width: number;
  readonly height: number;
}

const gap = 1;
const groupGap = 6;
const manyRows = 32;

/** The place of a block's cells, with a wider gap between groups of columns. */
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
  const tall = block.rows.length > manyRows ? Math.min(size, 13) : size;
  const rows = block.rows.map((_, row) => row * (tall + gap));
  return { size, tall, columns, rows, width: Math.max(left, 1), height: Math.max(rows.length * (tall + gap), 1) };
}

/** Cell under a point, or null. */
export function cellAt(
  { columns, rows, size, tall }: Geometry,
  x: number,
  y: number,
): { row: number; column: number } | null {
  const column = columns.findLastIndex((left) => left <= x);
  const row = rows.findLastIndex((top) => top <= y);
  const isInside =
    column >= 0 && row >= 0 && x < (columns[column] ?? 0) + size + gap && y < (rows[row] ?? 0) + tall + gap;
  return isInside ? { row, column } : null;
}

/** Everything that the painter has to know besides the cells. */
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

/** A cell's rectangle. */
interface Cell {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function drawHatch(pen: Pen, { x, y, width, height }: Cell, theme: Theme): void {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.fillStyle = inks[theme].hatch;
  pen.fillRect(x, y, width, height);
  pen.strokeStyle = inks[theme].line;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let offset = -height; offset < width; offset += 5) {
    pen.moveTo(x + offset, y + height);
    pen.lineTo(x + offset + height, y);
  }
  pen.stroke();
  pen.restore();
}

/** A cross in the cell: failing sites are told apart without colour. */
function drawCross(pen: Pen, { x, y, width, height }: Cell, colour: string): void {
  const arm = Math.min(width, height) * 0.22;
  const [middle, centre] = [x + width / 2, y + height / 2];
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(middle - arm, centre - arm);
  pen.lineTo(middle + arm, centre + arm);
  pen.moveTo(middle + arm, centre - arm);
  pen.lineTo(middle - arm, centre + arm);
  pen.stroke();
}

/** One short stroke: an error that comes from before. */
function drawSlash(pen: Pen, { x, y, width, height }: Cell, colour: string): void {
  const arm = Math.min(width, height) * 0.16;
  const [middle, centre] = [x + width / 2, y + height / 2];
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(middle - arm, centre + arm);
  pen.lineTo(middle + arm, centre - arm);
  pen.stroke();
}

function drawRing(pen: Pen, { x, y, width, height }: Cell, { colour, paper }: { colour: string; paper: string }): void {
  pen.strokeStyle = paper;
  pen.lineWidth = 3;
  pen.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  pen.strokeStyle = colour;
  pen.lineWidth = 1.75;
  pen.strokeRect(x - 0.25, y - 0.25, width + 0.5, height + 0.5);
}

/** One cell with its colour and mark. `entry` null: the phase shown has no such site. */
function drawCell(pen: Pen, cell: Cell, entry: SiteVerdict | null, { measure, limit, theme }: Paint): void {
  const ink = inks[theme];
  const { x, y, width, height } = cell;
  if (!entry) {
    pen.fillStyle = ink.empty;
    pen.fillRect(x + width / 2 - 1, y + height / 2 - 1, 2, 2);
    return;
  }
  if (entry.status === "unknown") {
    drawHatch(pen, cell, theme);
    return;
  }
  const ratio = ratioOf(entry, measure);
  pen.fillStyle = ratio === null ? statusColour(entry.status, theme) : ratioColour(ratio, limit, theme);
  pen.fillRect(x, y, width, height);
  const isPale = theme === "light" && ratio !== null && ratio <= limit * 10;
  const blame = blameOf(entry, measure, limit);
  const colour = isPale ? ink.ring : ink.mark;
  if (blame === "wrong") drawCross(pen, cell, colour);
  if (blame === "inherited") drawSlash(pen, cell, colour);
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
  const ink = inks[paint.theme];
  const culpritColour = paint.theme === "dark" ? "#ffd7c7" : "#8c1c04";
  const rings: (() => void)[] = [];
  block.rows.forEach((row, rowIndex) => {
    row.cells.forEach((sites, column) => {
      if (sites.length === 0) return;
      const [x, y] = [geometry.columns[column] ?? 0, geometry.rows[rowIndex] ?? 0];
      const cell = { x, y, width: geometry.size, height: geometry.tall };
      const entry = cellEntry(sites, paint.entries, paint.measure);
      pen.globalAlpha = entry && paint.isDimmed(entry) ? 0.14 : 1;
      drawCell(pen, cell, entry, paint);
      pen.globalAlpha = 1;
      const ring = (colour: string) => (): void => drawRing(pen, cell, { colour, paper: ink.paper });
      if (sites.includes(paint.culprit)) rings.push(ring(culpritColour));
      if (sites.includes(paint.selected)) rings.push(ring(ink.ring));
    });
  });
  for (const ring of rings) ring();
}
