/** One case in the list, with the likely faults that it would miss in a row of its own. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Verdict } from "../../../verdict/schema.ts";
import { formatCount, formatEngine, formatSeconds } from "../format.ts";
import { outcomeOf } from "../../../verdict/words/outcome.ts";
import { toneOf } from "../outcome.ts";
import { Breakable, OutcomeMark, RatioBar, SiteName } from "./parts.tsx";
import { Holes, PowerText } from "./power.tsx";
import { caseLink } from "./route.ts";

/** The part of a verdict that the list shows. */
export type Row = Omit<Verdict, "sites">;

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

interface PowerCellProps {
  readonly power: Row["power"];
  readonly name: string;
  readonly isOpen: boolean;
  readonly holesId: string;
  readonly onToggle: () => void;
}

/** The power; a button where there are holes to show. A click on it does not open the case. */
function PowerCell({ power, name, isOpen, holesId, onToggle }: PowerCellProps): JSX.Element {
  if (!power || power.holes.length === 0) return <PowerText power={power} />;
  return (
    <button
      type="button"
      class="power-button"
      aria-expanded={isOpen}
      aria-controls={holesId}
      onClick={(event) => {
        event.stopPropagation();
        onToggle();
      }}
    >
      <PowerText power={power} />
      <span class="hidden"> of {name}: faults that it would miss</span>
    </button>
  );
}

interface CaseRowProps {
  readonly row: Row;
  readonly index: number;
  readonly hasEngine: boolean;
  /** Cases were run in several dtypes: the row says in which. */
  readonly hasDtype: boolean;
}

/** The row of a case, and while it is open the row of its holes. */
export function CaseRow({ row, index, hasEngine, hasDtype }: CaseRowProps): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const holesId = `holes-${index}`;
  return (
    <>
      <tr class={`row ${toneOf(outcomeOf(row))}`} onClick={() => location.assign(caseLink(index))}>
        <td class="state">
          <OutcomeMark outcome={outcomeOf(row)} />
          <PowerCell
            power={row.power}
            name={row.case}
            isOpen={isOpen}
            holesId={holesId}
            onToggle={() => setOpen(!isOpen)}
          />
        </td>
        <th scope="row">
          <a href={caseLink(index)}>
            <Breakable text={row.case} />
          </a>
        </th>
        {hasEngine && (
          <td class="engine">
            <Breakable text={formatEngine(row.engine)} />
          </td>
        )}
        <td>{hasDtype ? `${row.mode}, ${row.dtype}` : row.mode}</td>
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
      {row.power && row.power.holes.length > 0 && (
        <tr id={holesId} class="holes-row" hidden={!isOpen}>
          <td colSpan={hasEngine ? 8 : 7}>{isOpen && <Holes power={row.power} />}</td>
        </tr>
      )}
    </>
  );
}
