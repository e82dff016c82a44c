/** Shows one case. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { SiteVerdict } from "../../../verdict/site.ts";
import type { Verdict } from "../../../verdict/schema.ts";
import { formatCount, formatEngine, formatRatio, formatSeconds, isInherited } from "../format.ts";
import { distanceOf } from "../../../verdict/deciding.ts";
import { outcomeOf } from "../../../verdict/words/outcome.ts";
import { Controls, Legend } from "./controls.tsx";
import { CulpritCard } from "./culprit-card.tsx";
import { DepthChart } from "./depth-chart.tsx";
import { Evidence } from "./evidence.tsx";
import { HeatMap } from "./heat-map.tsx";
import { OutcomeMark, Readout, Section } from "./parts.tsx";
import { PowerPanel, PowerText } from "./power.tsx";
import { caseLink, type Route } from "./route.ts";
import type { Theme } from "./scale.ts";
import { allSites, firstLens, type Lens, matches, worstBySite } from "./selection.ts";
import { SitePanel } from "./site-panel.tsx";
import type { TrendPoint } from "../trend.ts";
import { SiteTable } from "./site-table.tsx";
import { TrendChart } from "./trend-chart.tsx";

interface CaseHeadProps {
  readonly verdict: Verdict;
  readonly index: number;
  readonly count: number;
}

function CaseHead({ verdict, index, count }: CaseHeadProps): JSX.Element {
  return (
    <header class="case-head">
      {count > 1 && (
        <nav aria-label="Cases">
          <a href="#/">All {count} cases</a>
          <span class="steps">
            {index > 0 && <a href={caseLink(index - 1)}>Previous</a>}
            {index + 1 < count && <a href={caseLink(index + 1)}>Next</a>}
          </span>
        </nav>
      )}
      <div class="title">
        <h1>{verdict.case}</h1>
        <OutcomeMark outcome={outcomeOf(verdict)} />
        <PowerText power={verdict.power} />
      </div>
      <dl class="readouts">
        <Readout label="Sites compared">
          <span class="num">
            {formatCount(verdict.coverage.compared)}/{formatCount(verdict.coverage.total)}
          </span>
        </Readout>
        {verdict.worst && (
          <Readout label="Worst ratio">
            <span class="num">{formatRatio(verdict.worst.ratio)}</span>
          </Readout>
        )}
        {verdict.worst && (
          <Readout label="Limit">
            <span class="num">{verdict.limit}×</span>
          </Readout>
        )}
        <Readout label="Engine">{formatEngine(verdict.engine)}</Readout>
        <Readout label="Reference">{formatEngine(verdict.reference)}</Readout>
        <Readout label="Mode">{verdict.mode}</Readout>
        <Readout label="Dtype">{verdict.dtype}</Readout>
        <Readout label="Seed">
          <span class="num">{verdict.seed}</span>
        </Readout>
        <Readout label="Time">
          <span class="num">{formatSeconds(verdict.seconds)}</span>
        </Readout>
      </dl>
    </header>
  );
}

/** The site with which a case opens: the culprit, else the worst one. */
function firstSite(verdict: Verdict, sites: readonly SiteVerdict[]): SiteVerdict | null {
  const place = verdict.culprit ?? verdict.worst;
  if (!place) return null;
  return (
    sites.find((site) => site.site === place.site && site.phase === place.phase) ??
    sites.find((site) => site.site === place.site) ??
    null
  );
}

interface CaseViewProps extends CaseHeadProps {
  readonly trend: readonly TrendPoint[];
  readonly route: Route;
  readonly theme: Theme;
  readonly onRoute: (route: Route) => void;
}

/** A case with its answer, map, chart and tables. Give it a key, so that its settings belong to one case. */
export function CaseView({ verdict, trend, index, count, route, theme, onRoute }: CaseViewProps): JSX.Element {
  const [lens, setLens] = useState<Lens>(firstLens);
  const sites = useMemo(() => allSites(verdict), [verdict]);
  const names = useMemo(() => [...new Set(sites.map((site) => site.site))], [sites]);
  const phases = useMemo(() => [...new Set(sites.map((site) => site.phase))], [sites]);
  const inPhase = useMemo(
    () => sites.filter((site) => lens.phase === "" || site.phase === lens.phase),
    [sites, lens.phase],
  );
  const kept = useMemo(() => inPhase.filter((site) => matches(site, lens)), [inPhase, lens]);
  const entries = useMemo(() => worstBySite(sites, lens), [sites, lens]);
  const selected = useMemo(
    () => sites.find((site) => site.site === route.site && site.phase === route.phase) ?? firstSite(verdict, sites),
    [sites, verdict, route.site, route.phase],
  );
  const paint = useMemo(
    () => ({
      entries,
      isDimmed: (site: SiteVerdict) => !matches(site, lens),
      measure: lens.measure,
      limit: verdict.limit,
      theme,
      selected: selected?.site ?? "",
      culprit: verdict.culprit?.site ?? "",
    }),
    [entries, lens, verdict, theme, selected],
  );
  const chartPaint = useMemo(() => ({ ...paint, selected }), [paint, selected]);
  const select = (site: SiteVerdict): void => onRoute({ caseIndex: index, phase: site.phase, site: site.site });
  const selectName = (name: string, phase?: string): void => {
    const site =
      sites.find((other) => other.site === name && other.phase === phase) ??
      entries.get(name) ??
      sites.find((other) => other.site === name);
    if (site) select(site);
  };
  const hasRatios = sites.some((site) => distanceOf(site.run) ?? distanceOf(site.local));
  const legend = {
    limit: verdict.limit,
    theme,
    hasRatios,
    hasInherited: lens.measure === "accumulated" && sites.some(isInherited),
    hasUnknown: sites.some((site) => site.status === "unknown"),
  };
  return (
    <main>
      <CaseHead verdict={verdict} index={index} count={count} />
      <CulpritCard verdict={verdict} onSite={selectName} />
      <PowerPanel power={verdict.power} />
      {trend.length > 0 && (
        <Section id="nights" title="Nights" note="worst ratio, in units of noise">
          <TrendChart points={trend} limit={verdict.limit} theme={theme} />
        </Section>
      )}
      {sites.length > 0 && (
        <>
          <Controls
            lens={lens}
            phases={phases}
            hasLocal={sites.some((site) => distanceOf(site.local))}
            onLens={(change) => setLens({ ...lens, ...change })}
          />
          <div class="bench">
            <div class="bench-main">
              <Section id="map" title="Layers" note={<Legend {...legend} />}>
                <HeatMap sites={names} paint={paint} onSelect={select} />
              </Section>
              {hasRatios && (
                <Section id="depth" title="Error against depth" note={`${lens.measure} ratio, in units of noise`}>
                  <DepthChart sites={inPhase} measure={lens.measure} paint={chartPaint} onSelect={select} />
                </Section>
              )}
            </div>
            <SitePanel
              site={selected}
              phases={selected ? sites.filter((site) => site.site === selected.site) : []}
              limit={verdict.limit}
              theme={theme}
              onSelect={select}
            />
          </div>
          <p class="hidden" role="status">
            {selected && `${selected.site}, ${selected.phase}, ${selected.status}`}
            {selected && distanceOf(selected.run) && `, ${formatRatio(distanceOf(selected.run)!.ratio)}`}
          </p>
          <SiteTable
            key={`${lens.phase} ${lens.query}`}
            sites={kept}
            total={sites.length}
            limit={verdict.limit}
            selected={selected}
            onSelect={select}
          />
        </>
      )}
      <Evidence verdict={verdict} />
    </main>
  );
}
