/** Shows the power of a case: the likely faults that a green verdict would have found, and those that it would not. */
import type { JSX } from "preact";
import type { Power } from "../../../verdict/explanation.ts";
import type { Verdict } from "../../../verdict/schema.ts";
import { powerPercent } from "../../explanation.ts";
import { formatCount } from "../format.ts";
import { groupHoles, type HoleGroup, type HoleReason } from "../holes.ts";
import { Sentence, SiteName } from "./parts.tsx";

/** Most different faults that are all open at once. */
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

function Places({ places }: Pick<HoleReason, "places">): JSX.Element {
  return (
    <ul>
      {places.slice(0, listLimit).map(({ kind, layers }) => (
        <li key={kind}>
          <SiteName site={kind} />
          {layers.length > 0 && <span class="muted"> in layers {layers.join(", ")}</span>}
        </li>
      ))}
      {places.length > listLimit && <li class="muted">and {formatCount(places.length - listLimit)} more</li>}
    </ul>
  );
}

function Group({ group, isOpen }: { readonly group: HoleGroup; readonly isOpen: boolean }): JSX.Element {
  return (
    <details class="hole-group" open={isOpen}>
      <summary>
        {group.category} <span class="num">{formatCount(group.count)}</span>
      </summary>
      <ul class="holes">
        {group.entries.slice(0, listLimit).map(({ sentence, reasons }) => (
          <li key={sentence}>
            <p>
              <Sentence text={sentence} />
            </p>
            {reasons.map(({ reason, places }) => (
              <div class="hole-reason" key={reason}>
                <p class="muted">
                  <Sentence text={reason} />
                </p>
                <Places places={places} />
              </div>
            ))}
          </li>
        ))}
        {group.entries.length > listLimit && (
          <li class="muted">and {formatCount(group.entries.length - listLimit)} more</li>
        )}
      </ul>
    </details>
  );
}

/** All holes by category, the largest group first. */
export function Holes({ power }: { readonly power: Power }): JSX.Element {
  const groups = groupHoles(power.holes);
  const entries = groups.reduce((sum, group) => sum + group.entries.length, 0);
  return (
    <div class="hole-groups">
      {groups.map((group) => (
        <Group key={group.category} group={group} isOpen={entries <= openAtOnce} />
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
          <summary>{formatCount(missed)} would not, by category</summary>
          <Holes power={power} />
        </details>
      )}
    </section>
  );
}
