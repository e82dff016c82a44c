/** Cases by what ran them: one glance over engines and dtypes. */
import type { JSX } from "preact";
import { formatEngine, formatRatio } from "../format.ts";
import { matrixOf } from "../matrix.ts";
import { outcomeOf } from "../../../verdict/words/outcome.ts";
import type { Row } from "./case-row.tsx";
import { OutcomeMark } from "./parts.tsx";
import { caseLink } from "./route.ts";

/**
 * Shows the cases that were run in more than one way; nothing where there are none, since the list then says it all.
 */
export function Matrix({ verdicts }: { readonly verdicts: readonly Row[] }): JSX.Element | null {
  const { columns, rows } = matrixOf(verdicts, ({ engine, dtype }) => `${formatEngine(engine)}, ${dtype}`);
  if (!rows.some(({ cells }) => cells.filter((cell) => cell !== null).length > 1)) return null;
  return (
    <section class="panel" aria-labelledby="matrix">
      <header class="panel-head">
        <h2 id="matrix">Engines and dtypes</h2>
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="matrix">
        <table class="matrix">
          <thead>
            <tr>
              <th scope="col">Case</th>
              {columns.map((column) => (
                <th scope="col" key={column}>
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, cells }) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                </th>
                {cells.map((index, column) => (
                  <td key={columns[column]}>
                    {index === null ? (
                      <span class="muted">not run</span>
                    ) : (
                      <Cell index={index} row={verdicts[index]!} />
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Cell({ index, row }: { readonly index: number; readonly row: Row }): JSX.Element {
  return (
    <a href={caseLink(index)}>
      <OutcomeMark outcome={outcomeOf(row)} /> {row.worst && <span class="num">{formatRatio(row.worst.ratio)}</span>}
    </a>
  );
}
