/** The heat map: layers by kinds of sites. */
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SiteVerdict } from "../../../verdict/site.ts";
import { formatRatio, ratioOf } from "../format.ts";
import { layoutMap, type MapBlock, type MapColumn } from "../map-layout.ts";
import { cellAt, cellEntry, geometryOf, type Geometry, type Paint, paintBlock } from "./heat-paint.ts";
import { stepOnMap } from "./map-keys.ts";
import { SiteName, OutcomeMark } from "./parts.tsx";
import { useWidth } from "./width.ts";

interface Hover {
  readonly entry: SiteVerdict;
  readonly count: number;
  readonly x: number;
  readonly y: number;
}

interface BlockProps {
  readonly block: MapBlock;
  readonly size: number;
  readonly paint: Paint;
  readonly onHover: (hover: Hover | null) => void;
  readonly onSelect: (entry: SiteVerdict) => void;
}

function ColumnHeads({
  columns,
  geometry,
}: {
  readonly columns: readonly MapColumn[];
  readonly geometry: Geometry;
}): JSX.Element {
  const longest = Math.max(...columns.map((column) => column.name.length));
  const height = Math.min(longest * 6.4 + 8, 206);
  const groups: { name: string; left: number; right: number }[] = [];
  columns.forEach((column, index) => {
    const left = geometry.columns[index] ?? 0;
    const open = groups.at(-1);
    if (open && open.name === column.group && columns[index - 1]?.group === column.group)
      open.right = left + geometry.size;
    else groups.push({ name: column.group, left, right: left + geometry.size });
  });
  return (
    <div class="heads" style={{ height: `${height + 20}px`, width: `${geometry.width}px` }}>
      {groups
        .filter((group) => group.name !== "")
        .map((group) => (
          <span
            key={`${group.name} ${group.left}`}
            class={group === groups.at(-1) ? "group last" : "group"}
            title={group.name}
            style={{ left: `${group.left}px`, width: `${group.right - group.left}px` }}
          >
            {group.name}
          </span>
        ))}
      {columns.map((column, index) => (
        <span
          key={column.kind}
          class="head"
          style={{ left: `${(geometry.columns[index] ?? 0) + geometry.size / 2}px` }}
        >
          {column.group === "" && column.name.startsWith(":") ? `layer${column.name}` : column.name}
        </span>
      ))}
    </div>
  );
}

function Block({ block, size, paint, onHover, onSelect }: BlockProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const geometry = useMemo(() => geometryOf(block, size), [block, size]);
  useLayoutEffect(() => {
    if (canvas.current) paintBlock(canvas.current, block, geometry, paint);
  }, [block, geometry, paint]);
  const sitesAt = (event: MouseEvent): readonly string[] => {
    const cell = cellAt(geometry, event.offsetX - 2, event.offsetY - 2);
    return cell ? (block.rows[cell.row]?.cells[cell.column] ?? []) : [];
  };
  const move = (event: MouseEvent): void => {
    const sites = sitesAt(event);
    const entry = cellEntry(sites, paint.entries, paint.measure);
    onHover(entry ? { entry, count: sites.length, x: event.clientX, y: event.clientY } : null);
  };
  const pick = (event: MouseEvent): void => {
    const entry = cellEntry(sitesAt(event), paint.entries, paint.measure);
    if (entry) onSelect(entry);
  };
  return (
    <div class={block.columns ? "block stack" : "block strip"}>
      <div class="labels">
        {block.rows.map((row, index) => (
          <span key={index} style={{ height: `${geometry.tall + 1}px`, lineHeight: `${geometry.tall + 1}px` }}>
            {row.label}
          </span>
        ))}
      </div>
      <div class="cells">
        {block.columns && <ColumnHeads columns={block.columns} geometry={geometry} />}
        <canvas
          ref={canvas}
          aria-hidden="true"
          style={{ width: `${geometry.width + 4}px`, height: `${geometry.height + 4}px` }}
          onMouseMove={move}
          onMouseLeave={() => onHover(null)}
          onClick={pick}
        />
      </div>
    </div>
  );
}

function Tooltip({ hover, paint }: { readonly hover: Hover; readonly paint: Paint }): JSX.Element {
  const ratio = ratioOf(hover.entry, paint.measure);
  const isRight = hover.x > innerWidth - 380;
  return (
    <div
      class="tooltip"
      aria-hidden="true"
      style={{
        left: isRight ? "auto" : `${hover.x + 14}px`,
        right: isRight ? `${innerWidth - hover.x + 14}px` : "auto",
        top: `${hover.y + 16}px`,
      }}
    >
      <SiteName site={hover.entry.site} />
      <p>
        <OutcomeMark outcome={hover.entry.status} />
        <span>{hover.entry.phase}</span>
        {ratio !== null && <b class="num">{formatRatio(ratio)}</b>}
        {hover.count > 1 && <span>worst of {hover.count} sites</span>}
      </p>
    </div>
  );
}

/** Side of a cell in CSS pixels with which the widest block fits, within what can still be read and hit. */
function fittingSize(blocks: readonly MapBlock[], width: number): number {
  const labels = 74;
  const needs = blocks.map((block) => {
    const { width: wide, columns } = geometryOf(block, 0);
    return columns.length === 0 ? Infinity : (width - labels - wide) / columns.length;
  });
  return Math.min(Math.max(Math.floor(Math.min(...needs)), 12), 20);
}

interface HeatMapProps {
  readonly sites: readonly string[];
  readonly paint: Paint;
  readonly onSelect: (entry: SiteVerdict) => void;
}

/** Canvas map of all sites; arrow keys move the selection. `sites`: distinct names in execution order. */
export function HeatMap({ sites, paint, onSelect }: HeatMapProps): JSX.Element {
  const blocks = useMemo(() => layoutMap(sites), [sites]);
  const [hover, setHover] = useState<Hover | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const size = useMemo(() => fittingSize(blocks, width), [blocks, width]);
  const keys = (event: KeyboardEvent): void => {
    const next = stepOnMap(blocks, paint.selected, event.key);
    const entry = next ? cellEntry(next, paint.entries, paint.measure) : null;
    if (next) event.preventDefault();
    if (entry) onSelect(entry);
  };
  return (
    <div class="map-frame" ref={frame}>
      <div
        class="map"
        role="application"
        aria-roledescription="heat map"
        aria-label="Ratio of every site, layers by kinds of sites. Arrow keys move the selection. The table of sites below holds the same values."
        tabIndex={0}
        onKeyDown={keys}
      >
        {blocks.map((block, index) => (
          <>
            {block.columns && <p class="stack-name">{block.title}</p>}
            <Block key={index} block={block} size={size} paint={paint} onHover={setHover} onSelect={onSelect} />
          </>
        ))}
      </div>
      {hover && <Tooltip hover={hover} paint={paint} />}
    </div>
  );
}
