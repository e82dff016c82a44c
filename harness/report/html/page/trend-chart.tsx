/** The worst ratio of a case, night by night. */
import type { JSX } from "preact";
import { formatRatio } from "../format.ts";
import type { TrendPoint } from "../trend.ts";
import { highestRatio, logShare, lowestRatio, markColour, type Theme } from "./scale.ts";

const [width, height, left] = [600, 90, 8];

interface TrendChartProps {
  readonly points: readonly TrendPoint[];
  readonly limit: number;
  readonly theme: Theme;
}

/** Dots on a logarithmic scale with the limit; each says its night and ratio. */
export function TrendChart({ points, limit, theme }: TrendChartProps): JSX.Element {
  const step = (width - 2 * left) / Math.max(points.length - 1, 1);
  const most = Math.max(limit * 2, ...points.map(({ ratio }) => Math.min(ratio ?? 0, highestRatio)));
  const top = (ratio: number): number => {
    const share = logShare(Math.max(ratio, lowestRatio), lowestRatio, most);
    return height - 12 - Math.min(Math.max(share, 0), 1) * (height - 24);
  };
  const at = (index: number): number => left + index * step;
  const drawn = points.flatMap(({ ratio }, index) => (ratio === null ? [] : [`${at(index)},${top(ratio)}`]));
  const [first, last] = [points[0], points.at(-1)];
  const said = (point: TrendPoint): string => (point.ratio === null ? point.status : formatRatio(point.ratio));
  const label =
    first && last ? `${points.length} nights: ${said(first)} on ${first.night}, ${said(last)} on ${last.night}` : "";
  return (
    <figure class="trend">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
        <path d={`M0 ${top(limit)}h${width}`} class="limit" />
        <polyline points={drawn.join(" ")} />
        {points.map((point, index) => (
          <circle
            key={point.night}
            cx={at(index)}
            cy={point.ratio === null ? height - 6 : top(point.ratio)}
            r={4}
            fill={point.ratio === null ? "none" : markColour(point.ratio, limit, theme)}
            class={point.status}
          >
            <title>{`${point.night}: ${said(point)}`}</title>
          </circle>
        ))}
      </svg>
      <figcaption>{label}</figcaption>
    </figure>
  );
}
