/** All sites as a table: what the heat map shows, for everyone who can't use the map. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { SiteVerdict } from "../../../verdict/site.ts";
import { whyOf } from "../../../verdict/deciding.ts";
import { reasonOf } from "../../../verdict/words/why.ts";
import { distanceIn, formatCount, formatRatio, formatShape, isInherited, ratioOf } from "../format.ts";
import { Section, SiteName, OutcomeMark } from "./parts.tsx";

const rowsAtOnce = 100;
type Order = "execution" | "accumulated" | "local";

interface SiteTableProps {
  /** Sites of the phase and filter in force, in execution order. */
  readonly sites: readonly SiteVerdict[];
  readonly total: number;
  readonly limit: number;
  readonly selected: SiteVerdict | null;
  readonly onSelect: (site: SiteVerdict) => void;
}

function sorted(sites: readonly SiteVerdict[], order: Order): readonly SiteVerdict[] {
  if (order === "execution") return sites;
  return sites.toSorted((left, right) => (ratioOf(right, order) ?? -1) - (ratioOf(left, order) ?? -1));
}

function Ratio({ value, limit }: { readonly value: number | null; readonly limit: number }): JSX.Element {
  return (
    <td class={value !== null && value > limit ? "right num over" : "right num"}>
      {value === null ? "" : formatRatio(value)}
    </td>
  );
}

interface HeadProps {
  readonly label: string;
  readonly column: Order;
  readonly order: Order;
  readonly onOrder: (order: Order) => void;
}

function SortHead({ label, column, order, onOrder }: HeadProps): JSX.Element {
  const direction = column === "execution" ? "ascending" : "descending";
  return (
    <th scope="col" class="right" aria-sort={order === column ? direction : "none"}>
      <button type="button" class="sort" onClick={() => onOrder(column)}>
        {label}
      </button>
    </th>
  );
}

/** The engine's shape where it differs, else the expected one. */
function shapeText(site: SiteVerdict): string {
  const why = whyOf(site);
  if (why?.kind === "shape") return formatShape(why.found);
  return site.expected ? formatShape(site.expected.shape) : "";
}

/** The table, a hundred rows at a time. */
export function SiteTable({ sites, total, limit, selected, onSelect }: SiteTableProps): JSX.Element {
  const [order, setOrder] = useState<Order>("execution");
  const [count, setCount] = useState(rowsAtOnce);
  const ordered = useMemo(() => sorted(sites, order), [sites, order]);
  const hasShapes = sites.some((site) => site.expected);
  const hasRatios = sites.some((site) => distanceIn(site, "accumulated") ?? distanceIn(site, "local"));
  const hasLocal = sites.some((site) => distanceIn(site, "local"));
  const hasReasons = sites.some((site) => reasonOf(site) !== "");
  const heads = { order, onOrder: setOrder };
  return (
    <Section id="sites" title="Sites" note={`${formatCount(sites.length)} of ${formatCount(total)}`}>
      <div class="scroll tall" tabIndex={0} role="region" aria-labelledby="sites">
        <table class="sites">
          <thead>
            <tr>
              <SortHead label="#" column="execution" {...heads} />
              <th scope="col">Site</th>
              <th scope="col">Phase</th>
              <th scope="col">Status</th>
              {hasRatios && <SortHead label="Accumulated" column="accumulated" {...heads} />}
              {hasLocal && <SortHead label="Local" column="local" {...heads} />}
              {hasShapes && <th scope="col">Shape</th>}
              {hasReasons && <th scope="col">Reason</th>}
            </tr>
          </thead>
          <tbody>
            {ordered.slice(0, count).map((site) => (
              <tr
                key={`${site.phase} ${site.site}`}
                class={site === selected ? "row selected" : "row"}
                onClick={() => onSelect(site)}
              >
                <td class="right num muted">{site.order}</td>
                <th scope="row">
                  <button type="button" class="plain" aria-pressed={site === selected} onClick={() => onSelect(site)}>
                    <SiteName site={site.site} />
                  </button>
                </th>
                <td>{site.phase}</td>
                <td>
                  <OutcomeMark outcome={site.status} />
                  {isInherited(site) && <small class="inherited">error from before</small>}
                </td>
                {hasRatios && <Ratio value={ratioOf(site, "accumulated")} limit={limit} />}
                {hasLocal && <Ratio value={ratioOf(site, "local")} limit={limit} />}
                {hasShapes && <td class="shape">{shapeText(site)}</td>}
                {hasReasons && <td class="why">{reasonOf(site)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
        {sites.length === 0 && <p class="empty">No site matches.</p>}
      </div>
      {count < ordered.length && (
        <p class="more">
          <button type="button" onClick={() => setCount(count + 5 * rowsAtOnce)}>
            Show {formatCount(Math.min(5 * rowsAtOnce, ordered.length - count))} more
          </button>
        </p>
      )}
    </Section>
  );
}
