/** Head of the page: what was compared, and the totals in one line. */
import type { JSX } from "preact";
import type { Verdict } from "../../../verdict/schema.ts";
import { formatCount, formatDate, formatEngine, formatRatio, formatSeconds } from "../format.ts";
import { countOutcomes } from "../outcome.ts";
import { OutcomeMark } from "./parts.tsx";
import type { Theme } from "./scale.ts";
import { outcomes } from "../../../verdict/words/outcome.ts";

const distinct = (texts: readonly string[]): string[] => [...new Set(texts)];

/** Joins up to three of the texts, and says how many more there are. */
function listed(texts: readonly string[]): string {
  const different = distinct(texts);
  return different.length <= 3
    ? different.join(", ")
    : `${different.slice(0, 2).join(", ")} and ${different.length - 2} more`;
}

interface MastheadProps {
  readonly verdicts: readonly Omit<Verdict, "sites">[];
  readonly theme: Theme;
  readonly onTheme: () => void;
}

/** Name, engines, dtype, date, and the theme switch. */
export function Masthead({ verdicts, theme, onTheme }: MastheadProps): JSX.Element {
  const starts = verdicts.map((verdict) => verdict.started).toSorted();
  return (
    <header class="masthead">
      <p class="wordmark">
        <a href="#/">lockstep</a>
      </p>
      {verdicts.length > 0 && (
        <p class="versus">
          <span>{listed(verdicts.map((verdict) => formatEngine(verdict.engine)))}</span>
          <span class="against"> against </span>
          <span>{listed(verdicts.map((verdict) => formatEngine(verdict.reference)))}</span>
          <span class="when">
            {listed(verdicts.map((verdict) => verdict.dtype))} · {formatDate(starts[0] ?? "")}
          </span>
        </p>
      )}
      <button type="button" class="theme" aria-pressed={theme === "dark"} onClick={onTheme}>
        Dark
      </button>
    </header>
  );
}

/** Totals over all cases. */
export function Totals({ verdicts }: { readonly verdicts: readonly Omit<Verdict, "sites">[] }): JSX.Element {
  const counts = new Map(countOutcomes(verdicts));
  const sum = (of: (verdict: Omit<Verdict, "sites">) => number): number =>
    verdicts.reduce((total, verdict) => total + of(verdict), 0);
  const worst = verdicts
    .flatMap((verdict) => (verdict.worst ? [verdict.worst.ratio] : []))
    .reduce<number | null>((high, ratio) => (high === null || ratio > high ? ratio : high), null);
  return (
    <div class="totals">
      <h1 class="hidden">Report</h1>
      <ul>
        {outcomes
          .filter((outcome) => counts.has(outcome) || outcome === "pass" || outcome === "fail")
          .map((outcome) => (
            <li key={outcome} class={counts.has(outcome) ? "" : "none"}>
              <b class="num">{counts.get(outcome) ?? 0}</b> <OutcomeMark outcome={outcome} />
            </li>
          ))}
      </ul>
      <p>
        <span>
          sites compared{" "}
          <b class="num">
            {formatCount(sum((verdict) => verdict.coverage.compared))}/
            {formatCount(sum((verdict) => verdict.coverage.total))}
          </b>
        </span>
        {worst !== null && (
          <span>
            worst ratio <b class="num">{formatRatio(worst)}</b>
          </span>
        )}
        <span>
          time <b class="num">{formatSeconds(sum((verdict) => verdict.seconds))}</b>
        </span>
      </p>
    </div>
  );
}
