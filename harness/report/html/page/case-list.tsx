/** The table of cases. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { formatEngine } from "../format.ts";
import { outcomeOf } from "../../../verdict/words/outcome.ts";
import { CaseRow, type Row } from "./case-row.tsx";

/** Moves the focus between the links of the list. */
function moveFocus(event: KeyboardEvent): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0 || !(event.currentTarget instanceof HTMLElement)) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>("th > a")];
  const current = links.findIndex((link) => link === document.activeElement);
  const next = links[current + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** All cases; `verdicts` in the order of the run. */
export function CaseList({ verdicts }: { readonly verdicts: readonly Row[] }): JSX.Element {
  const [onlyBad, setOnlyBad] = useState(false);
  const engines = new Set(verdicts.map((verdict) => formatEngine(verdict.engine)));
  const dtypes = new Set(verdicts.filter(({ mode }) => mode !== "shapes").map(({ dtype }) => dtype));
  const isGood = (row: Row): boolean => ["pass", "expected failure"].includes(outcomeOf(row));
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
              <CaseRow key={index} row={row} index={index} hasEngine={engines.size > 1} hasDtype={dtypes.size > 1} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
