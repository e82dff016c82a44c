/** Keyboard movement on the heat map. */
import type { MapBlock } from "../map-layout.ts";

type Cell = readonly string[];

const steps: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** The sites of the cell that a key leads to from the cell of `selected`, or null when the key does nothing here. */
export function stepOnMap(blocks: readonly MapBlock[], selected: string, key: string): Cell | null {
  const rows = blocks.flatMap((block) => block.rows.map((row) => row.cells));
  const filled = rows.flat().filter((cell) => cell.length > 0);
  if (key === "Home") return filled[0] ?? null;
  if (key === "End") return filled.at(-1) ?? null;
  const step = steps[key];
  if (!step) return null;
  const [down, right] = step;
  let row = rows.findIndex((cells) => cells.some((cell) => cell.includes(selected)));
  let column = rows[row]?.findIndex((cell) => cell.includes(selected)) ?? -1;
  if (row < 0) return filled[0] ?? null;
  for (;;) {
    row += down;
    column += right;
    const cells = rows[row];
    if (!cells || column < 0 || (right !== 0 && column >= cells.length)) return null;
    const cell = cells[down === 0 ? column : Math.min(column, cells.length - 1)];
    if (cell && cell.length > 0) return cell;
  }
}
