/** What a green verdict of a case is worth: the likely faults that it would find, and those it would not. */
import type { JSX } from "preact";
import type { Hole, Power, Verdict } from "../../../compare/verdict.ts";
import { powerPercent } from "../../explanation.ts";
import { formatCount } from "../format.ts";
import { SiteName } from "./parts.tsx";

/** Up to this many holes are all open at once. */
const openAtOnce = 8;
const listLimit = 100;

/** `411 of 428 likely faults would be found`. */
function spelled({ seen, total }: Power): string {
  return `${formatCount(seen)} of ${formatCount(total)} likely faults would be found`;
}

/** `power 96 %` beside a status; dim where it was never measured. */
export function PowerText({ power }: Pick<Verdict, "power">): JSX.Element {
  if (!power) return <span class="power-text unmeasured">power not measured</span>;
  return (
    <span class="power-text num" title={spelled(power)}>
      power {powerPercent(power)}
    </span>
  );
}

function HoleGroup({ category, holes, isOpen }: { category: string; holes: readonly Hole[]; isOpen: boolean }) {
  return (
    <details class="hole-group" open={isOpen}>
      <summary>
        {category} <span class="num">{formatCount(holes.length)}</span>
      </summary>
      <ul class="holes">
        {holes.slice(0, listLimit).map((hole) => (
          <li key={`${hole.site} ${hole.sentence}`}>
            <p>
              <SiteName site={hole.site} />
            </p>
            <p>{hole.sentence}</p>
            <p class="muted">{hole.reason}</p>
          </li>
        ))}
        {holes.length > listLimit && <li class="muted">and {formatCount(holes.length - listLimit)} more</li>}
      </ul>
    </details>
  );
}

/** All holes by category, the largest group first. */
export function Holes({ power }: { readonly power: Power }): JSX.Element {
  const groups = [...Map.groupBy(power.holes, (hole) => hole.category)].toSorted(
    ([, left], [, right]) => right.length - left.length,
  );
  return (
    <div class="hole-groups">
      {groups.map(([category, holes]) => (
        <HoleGroup key={category} category={category} holes={holes} isOpen={power.holes.length <= openAtOnce} />
      ))}
    </div>
  );
}

/** The power of a case with an expandable list of its holes. Nothing where it was never measured. */
export function PowerPanel({ power }: Pick<Verdict, "power">): JSX.Element | null {
  if (!power) return null;
  const missed = power.total - power.seen;
  return (
    <section class="panel power-panel" aria-label="Power">
      <p>
        <b class="num">Power {powerPercent(power)}:</b> {spelled(power)} by this case.
      </p>
      {power.holes.length > 0 && (
        <details>
          <summary>
            {formatCount(missed)} would not <span class="muted">(site, fault, reason)</span>
          </summary>
          <Holes power={power} />
        </details>
      )}
    </section>
  );
}
