/** Shows everything that is known about the selected site. */
import type { JSX } from "preact";
import type { Detail, Distance, SiteVerdict } from "../../../verdict/site.ts";
import { detailOf, distanceOf, whyOf } from "../../../verdict/deciding.ts";
import { reasonOf, regionText } from "../../../verdict/words/why.ts";
import { distanceIn, formatCount, formatNumber, formatRatio, formatShape } from "../format.ts";
import { SiteName, OutcomeMark } from "./parts.tsx";
import { TensorPicture } from "./picture.tsx";
import type { Theme } from "./scale.ts";

type Field = readonly [label: string, text: (distance: Distance) => string, note?: (distance: Distance) => string];
type Worst = Distance["worst_row"];

const worstRatio = (worst: Worst): string => (worst ? formatRatio(worst.ratio) : "not known");

const fields: readonly Field[] = [
  ["ratio", ({ ratio }) => formatRatio(ratio)],
  ["worst row", ({ worst_row: row }) => worstRatio(row), ({ worst_row: row }) => (row ? `row ${row.index}` : "")],
  [
    "worst column",
    ({ worst_column: column }) => worstRatio(column),
    ({ worst_column: column }) => (column ? `column ${column.index}` : ""),
  ],
  ["error, rms", ({ error }) => formatNumber(error)],
  ["noise, rms", ({ noise }) => formatNumber(noise)],
  ["oracle, rms", ({ rms }) => formatNumber(rms)],
  ["largest error", ({ max_error }) => (max_error === null ? "not known" : formatNumber(max_error))],
];

function Statistics({ site }: { readonly site: SiteVerdict }): JSX.Element | null {
  const kinds = (["accumulated", "local"] as const).flatMap((kind) => {
    const distance = distanceIn(site, kind);
    return distance ? [{ kind, distance }] : [];
  });
  if (kinds.length === 0) return <p class="muted">No values were compared here.</p>;
  return (
    <table class="figures">
      <thead>
        <tr>
          <th scope="col">
            <span class="hidden">Statistic</span>
          </th>
          {kinds.map(({ kind }) => (
            <th scope="col" class="right" key={kind}>
              {kind}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {fields.map(([label, text, note]) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            {kinds.map(({ kind, distance }) => (
              <td class="right num" key={kind}>
                {text(distance)}
                {note && <small>{note(distance)}</small>}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Shapes({ site }: { readonly site: SiteVerdict }): JSX.Element {
  const why = whyOf(site);
  const expected = site.expected ? `${formatShape(site.expected.shape)} ${site.expected.dtype}` : "";
  const found = why?.kind === "shape" ? formatShape(why.found) : why?.kind === "dtype" ? why.found : "";
  return (
    <dl class="pairs">
      {expected !== "" && (
        <>
          <dt>{found === "" ? "shape" : "expected"}</dt>
          <dd>
            <code>{expected}</code>
          </dd>
        </>
      )}
      {found !== "" && (
        <>
          <dt>found</dt>
          <dd>
            <code class="bad">{found}</code>
          </dd>
        </>
      )}
    </dl>
  );
}

const spelled = (value: number | string): string =>
  typeof value === "number" ? String(Number(value.toPrecision(7))) : value;

function difference(element: Detail["worst_elements"][number]): string {
  const { found, expected } = element;
  return typeof found === "number" && typeof expected === "number" ? formatNumber(found - expected) : "not finite";
}

function WorstElements({ detail }: { readonly detail: Detail }): JSX.Element | null {
  if (detail.worst_elements.length === 0) return null;
  return (
    <>
      <h3 id="worst-elements">Worst elements</h3>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="worst-elements">
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">index</th>
              <th scope="col" class="right">
                found
              </th>
              <th scope="col" class="right">
                expected
              </th>
              <th scope="col" class="right">
                difference
              </th>
            </tr>
          </thead>
          <tbody>
            {detail.worst_elements.slice(0, 12).map((element) => (
              <tr key={element.index.join()}>
                <th scope="row">
                  <code>{formatShape(element.index)}</code>
                </th>
                <td class="right num">{spelled(element.found)}</td>
                <td class="right num">{spelled(element.expected)}</td>
                <td class="right num">{difference(element)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** Bin 0 is below 1/16; each next one ends at twice the value. */
function binLabel(bin: number): string {
  const top = bin - 4;
  return top < 0 ? `1/${2 ** -top}` : String(2 ** top);
}

function Histogram({
  counts,
  limit,
}: {
  readonly counts: readonly number[];
  readonly limit: number;
}): JSX.Element | null {
  const last = counts.findLastIndex((count) => count > 0);
  if (last < 0) return null;
  const shown = counts.slice(0, last + 1);
  const total = shown.reduce((sum, count) => sum + count, 0);
  const most = Math.max(...shown);
  const width = 300 / shown.length;
  const limitBin = Math.log2(limit) + 5;
  // Labels of more digits need more room.
  const every = Math.ceil(shown.length / (shown.length > 16 ? 6 : 10));
  const over = shown.slice(Math.round(limitBin)).reduce((sum, count) => sum + count, 0);
  const label = `${formatCount(total)} elements by error in units of noise; ${formatCount(over)} above ${limit} times noise.`;
  return (
    <figure class="histogram">
      <h3>Error of each element</h3>
      <svg viewBox="0 0 300 86" role="img" aria-label={label}>
        {shown.map((count, bin) => {
          const height = count === 0 ? 0 : Math.max((count / most) * 64, 1);
          return (
            <rect
              key={bin}
              x={bin * width + 0.5}
              y={68 - height}
              width={Math.max(width - 1, 0.5)}
              height={height}
              class={bin >= limitBin ? "over" : "under"}
            />
          );
        })}
        <path d="M0 68.5h300" class="axis" />
        {limitBin < shown.length && <path d={`M${limitBin * width} 2v72`} class="limit" />}
        {shown.map((_, bin) =>
          bin % every === 0 && (bin + 1) * width < 294 ? (
            <text key={bin} x={(bin + 1) * width} y="81" text-anchor="middle">
              {binLabel(bin)}
            </text>
          ) : null,
        )}
      </svg>
      <figcaption>{label}</figcaption>
    </figure>
  );
}

/** Shows both judgements of a site where they differ, else the one. */
function State({ site }: { readonly site: SiteVerdict }): JSX.Element {
  const { status, run, local } = site;
  if (!run || !local || run.status === local.status) {
    return (
      <p class="state">
        <OutcomeMark outcome={status} />
      </p>
    );
  }
  return (
    <p class="state">
      <span>
        <OutcomeMark outcome={local.status} /> <span class="muted">on the engine's own input</span>
      </span>
      <span>
        <OutcomeMark outcome={run.status} /> <span class="muted">in the whole run, with what came before</span>
      </span>
    </p>
  );
}

interface SitePanelProps {
  readonly site: SiteVerdict | null;
  /** The selected site in all phases. */
  readonly phases: readonly SiteVerdict[];
  readonly limit: number;
  readonly theme: Theme;
  readonly onSelect: (site: SiteVerdict) => void;
}

function Phases({ site, phases, onSelect }: SitePanelProps): JSX.Element | null {
  if (phases.length < 2) return null;
  return (
    <p class="phase-chips">
      {phases.map((entry) => (
        <button
          type="button"
          key={entry.phase}
          class={`chip ${entry.status}`}
          aria-pressed={entry === site}
          onClick={() => onSelect(entry)}
        >
          {entry.phase}{" "}
          <span class="num">{distanceOf(entry.run) ? formatRatio(distanceOf(entry.run)!.ratio) : entry.status}</span>
        </button>
      ))}
    </p>
  );
}

/** Panel beside the map. */
export function SitePanel(props: SitePanelProps): JSX.Element {
  const { site, limit, theme } = props;
  const detail = site && detailOf(site);
  const reason = site && reasonOf(site);
  return (
    <section class="panel site-panel" aria-label="Selected site">
      {site ? (
        <>
          <p class="eyebrow">
            Site <span>in {site.phase}</span>
          </p>
          <h2>
            <SiteName site={site.site} />
          </h2>
          <State site={site} />
          {reason && <p class="reason">{reason}</p>}
          <Phases {...props} />
          <Shapes site={site} />
          <Statistics site={site} />
          {detail && detail.where.length > 0 && (
            <p class="reason">
              <span class="label">Only in</span> {detail.where.map(regionText).join("; ")}
            </p>
          )}
          {detail?.picture && <TensorPicture picture={detail.picture} limit={limit} theme={theme} />}
          {detail && <Histogram counts={detail.histogram} limit={limit} />}
          {detail && <WorstElements detail={detail} />}
        </>
      ) : (
        <p class="muted">Choose a site on the map, in the chart or in the table.</p>
      )}
    </section>
  );
}
