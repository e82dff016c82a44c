/** The table of cases. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Verdict } from "../../../compare/verdict.ts";
import { formatCount, formatEngine, formatSeconds } from "../format.ts";
import { outcomeOf } from "../outcome.ts";
import { OutcomeMark, RatioBar, SiteName } from "./parts.tsx";
import { caseLink } from "./route.ts";

type Row = Omit<Verdict, "sites">;

/** Moves the focus between the links of the list. */
function moveFocus(event: KeyboardEvent): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0 || !(event.currentTarget instanceof HTMLElement)) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>("a")];
  const current = links.findIndex((link) => link === document.activeElement);
  const next = links[current + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function Coverage({ coverage }: Pick<Row, "coverage">): JSX.Element {
  const complete = coverage.compared === coverage.total && coverage.total > 0;
  return (
    <span class={complete ? "num" : "num short"}>
      {formatCount(coverage.compared)}/{formatCount(coverage.total)}
    </span>
  );
}

/** The site that a row points at: where it is worst, else the culprit. */
function Place({ row }: { readonly row: Row }): JSX.Element {
  if (row.error && !row.culprit) return <span class="muted">{row.error.message}</span>;
  const place = row.culprit ?? row.worst;
  return place ? <SiteName site={place.site} /> : <span class="muted">none</span>;
}

/** All cases; `verdicts` in the order of the run. */
export function CaseList({ verdicts }: { readonly verdicts: readonly Row[] }): JSX.Element {
  const [onlyBad, setOnlyBad] = useState(false);
  const engines = new Set(verdicts.map((verdict) => formatEngine(verdict.engine)));
  const isGood = (row: Row): boolean => ["pass", "expected"].includes(outcomeOf(row));
  const rows = verdicts.map((row, index) => ({ row, index })).filter(({ row }) => !onlyBad || !isGood(row));
  const bad = verdicts.filter((row) => !isGood(row)).length;
  return (
    <section class="panel" aria-labelledby="cases">
      <header class="panel-head">
        <h2 id="cases">Cases</h2>
        {bad > 0 && bad < verdicts.length && (
          <label class="check">
            <input type="checkbox" checked={onlyBad} onChange={() => setOnlyBad(!onlyBad)} />
            Only the {bad} that need a look
          </label>
        )}
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="cases">
        <table class="cases" onKeyDown={moveFocus}>
          <thead>
            <tr>
              <th scope="col">Status</th>
              <th scope="col">Case</th>
              {engines.size > 1 && <th scope="col">Engine</th>}
              <th scope="col">Mode</th>
              <th scope="col" class="right">
                Sites
              </th>
              <th scope="col" class="right">
                Worst ratio
              </th>
              <th scope="col">Culprit, or worst site</th>
              <th scope="col" class="right">
                Time
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ row, index }) => (
              <tr key={index} class={`row ${outcomeOf(row)}`} onClick={() => location.assign(caseLink(index))}>
                <td>
                  <OutcomeMark outcome={outcomeOf(row)} />
                </td>
                <th scope="row">
                  <a href={caseLink(index)}>{row.case}</a>
                </th>
                {engines.size > 1 && <td class="engine">{formatEngine(row.engine)}</td>}
                <td>{row.mode}</td>
                <td class="right">
                  <Coverage coverage={row.coverage} />
                </td>
                <td class="right">
                  {row.worst ? <RatioBar ratio={row.worst.ratio} limit={row.limit} /> : <span class="muted">none</span>}
                </td>
                <td class="place">
                  <Place row={row} />
                </td>
                <td class="right num">{formatSeconds(row.seconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
