/** Ratio against execution order: where errors begin and how they grow. */
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SiteVerdict } from "../../../verdict/site.ts";
import { formatRatio, type Measure } from "../format.ts";
import { useWidth } from "./width.ts";
import { type ChartPaint, type ChartPoint, nearestPoint, paintChart, plotSites } from "./depth-paint.ts";

interface DepthChartProps {
  readonly sites: readonly SiteVerdict[];
  readonly measure: Measure;
  readonly paint: ChartPaint;
  readonly onSelect: (site: SiteVerdict) => void;
}

function describe(points: readonly ChartPoint[], limit: number): string {
  const first = points.find((point) => point.ratio > limit);
  const worst = points.reduce<ChartPoint | null>(
    (high, point) => (high && high.ratio >= point.ratio ? high : point),
    null,
  );
  const begin = first
    ? `First above the limit: ${first.site.site} in ${first.site.phase}.`
    : "No site is above the limit.";
  const end = worst ? ` Highest: ${formatRatio(worst.ratio)} at ${worst.site.site}.` : "";
  return `Ratio over execution order. ${begin}${end} Left and right arrow keys move along it.`;
}

/** Chart of all sites that have a ratio; clicks and arrow keys select. */
export function DepthChart({ sites, measure, paint, onSelect }: DepthChartProps): JSX.Element {
  const frameRef = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(frameRef);
  const [points, frame] = useMemo(
    () => plotSites(sites, measure, width, paint.limit),
    [sites, measure, width, paint.limit],
  );
  const [hover, setHover] = useState<ChartPoint | null>(null);
  useLayoutEffect(() => {
    if (canvas.current) paintChart(canvas.current, points, frame, paint);
  }, [points, frame, paint]);
  const pointAt = (event: MouseEvent): ChartPoint | null => nearestPoint(points, event.offsetX, event.offsetY);
  const keys = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const current = points.findIndex((point) => point.site === paint.selected);
    const next = points[Math.min(Math.max(current + step, 0), points.length - 1)];
    if (next) onSelect(next.site);
  };
  return (
    <div ref={frameRef} class="chart">
      <div
        role="application"
        aria-roledescription="chart"
        aria-label={describe(points, paint.limit)}
        tabIndex={0}
        onKeyDown={keys}
      >
        <canvas
          ref={canvas}
          aria-hidden="true"
          style={{ width: `${frame.width}px`, height: `${frame.height}px` }}
          onMouseMove={(event) => setHover(pointAt(event))}
          onMouseLeave={() => setHover(null)}
          onClick={(event) => {
            const point = pointAt(event);
            if (point) onSelect(point.site);
          }}
        />
      </div>
      <p class="chart-note" aria-hidden="true">
        {hover
          ? `${hover.site.site} · ${hover.site.phase} · ${formatRatio(hover.ratio)}`
          : "The line follows the outputs of whole layers."}
      </p>
    </div>
  );
}
