/** The answer of a case: where it goes wrong and why, or that nothing does. */
import type { JSX } from "preact";
import type { Culprit, Verdict } from "../../../verdict/schema.ts";
import { formatCount } from "../format.ts";
import { expectationNote } from "../outcome.ts";
import { Explanation } from "./explanation.tsx";
import { SiteName } from "./parts.tsx";

type Sizes = readonly (number | string)[];

/** A formula is written with `x` in the verdict. */
const withTimes = (formula: string): string => formula.replaceAll(/ [x*] /g, " × ");

interface ShapeRowProps {
  readonly label: string;
  readonly shape: Sizes;
  readonly other: Sizes | undefined;
  readonly formulas: Culprit["expected_sizes"];
}

function ShapeRow({ label, shape, other, formulas }: ShapeRowProps): JSX.Element {
  const differs = (size: number | string, axis: number): boolean => {
    if (!other) return false;
    return other.length === shape.length ? other[axis] !== size : !other.includes(size);
  };
  return (
    <tr>
      <th scope="row">{label}</th>
      <td class="shape">
        [
        {shape.map((size, axis) => (
          <>
            {axis > 0 && ", "}
            {differs(size, axis) ? <b class={label}>{size}</b> : size}
          </>
        ))}
        ]
      </td>
      <td>
        {formulas.map(({ size, formula }) => (
          <span class="formula" key={`${size} ${formula}`}>
            <b class="num">{size}</b> = {withTimes(formula)}
          </span>
        ))}
      </td>
    </tr>
  );
}

function Readings({ readings }: Pick<Culprit, "readings">): JSX.Element {
  const ordered = readings.toSorted((left, right) => Number(right.holds) - Number(left.holds));
  return (
    <ul class="readings">
      {ordered.map(({ claim, holds, evidence }) => (
        <li key={claim} class={holds ? "holds" : "ruled-out"}>
          <span class="tag">{holds ? "holds" : "ruled out"}</span>
          <div>
            <p class="claim">{claim}</p>
            <p class="proof">{withTimes(evidence)}</p>
          </div>
        </li>
      ))}
    </ul>
  );
}

/** `site in phase` taken apart; `phase` is "" for a site alone. */
function readPlace(place: string): { readonly site: string; readonly phase: string } {
  const [site = "", phase = ""] = place.split(" in ");
  return { site, phase };
}

interface AlsoProps {
  readonly culprit: Culprit;
  readonly onSite: CardProps["onSite"];
}

/** Other affected places; those that only differ in the layer or the phase are shortened to that. */
function Also({ culprit, onSite }: AlsoProps): JSX.Element {
  const layer = (site: string): string => /\.(\d+)[.:#]/.exec(site)?.[1] ?? "";
  const starred = (site: string): string => site.replace(/\.\d+(?=[.:#])/, ".*");
  const areAlike = culprit.also.every((site) => layer(site) !== "" && starred(site) === starred(culprit.site));
  const places = culprit.also.map((place) => ({ place, ...readPlace(place) }));
  const areSame = places.every(({ site, phase }) => site === culprit.site && phase !== "");
  const heading = areAlike ? "The same in layers" : areSame ? "The same in" : "The same at";
  return (
    <p class="also">
      <span class="label">{heading}</span>{" "}
      {places.map(({ place, site, phase }) => (
        <button
          type="button"
          key={place}
          class="chip"
          title={place}
          aria-label={place}
          onClick={() => onSite(site, phase === "" ? undefined : phase)}
        >
          {areAlike ? layer(site) : areSame ? phase : place}
        </button>
      ))}
    </p>
  );
}

function AtCulprit({ audit }: { readonly audit: Verdict["config_audit"] }): JSX.Element | null {
  const found = audit?.at_culprit;
  if (!found) return null;
  return (
    <p class="config-line">
      <span class="label">Config</span> The reference reads{" "}
      {found.reference_only.map((field) => (
        <>
          <code>{field}</code>{" "}
        </>
      ))}
      in <code>{found.scope}</code>; the engine's <code>{found.engine_scope}</code> reads{" "}
      {found.engine_reads.length === 0
        ? "no field"
        : found.engine_reads.map((field) => (
            <>
              <code>{field}</code>{" "}
            </>
          ))}
      instead.
    </p>
  );
}

interface CardProps {
  readonly verdict: Verdict;
  readonly onSite: (site: string, phase?: string) => void;
}

/** Culprits that are spelled out at once. */
const culpritsShown = 4;

/** Indices of a tensor's axes that the error is confined to. */
function whereOf({ site, phase }: Culprit, { sites }: Verdict): readonly string[] {
  return sites.find((one) => one.site === site && one.phase === phase)?.detail?.where ?? [];
}

function Found({ culprit, verdict, onSite }: CardProps & { readonly culprit: Culprit }): JSX.Element {
  return (
    <>
      {culprit.explanation && <Explanation explanation={culprit.explanation} where={whereOf(culprit, verdict)} />}
      <p class="eyebrow">
        Culprit <span>in {culprit.phase}</span>
      </p>
      <h2>
        <button type="button" class="plain" onClick={() => onSite(culprit.site, culprit.phase)}>
          <SiteName site={culprit.site} />
        </button>
      </h2>
      <p class="summary">{culprit.summary}</p>
      {culprit.expected && culprit.found && (
        <table class="shapes">
          <tbody>
            <ShapeRow
              label="expected"
              shape={culprit.expected}
              other={culprit.found}
              formulas={culprit.expected_sizes}
            />
            <ShapeRow label="found" shape={culprit.found} other={culprit.expected} formulas={culprit.found_sizes} />
          </tbody>
        </table>
      )}
      {culprit.also.length > 0 && <Also culprit={culprit} onSite={onSite} />}
      {culprit === verdict.culprits[0] && <AtCulprit audit={verdict.config_audit} />}
      {culprit.readings.length > 0 && <Readings readings={culprit.readings} />}
    </>
  );
}

/** Culprits after the first, which are wrong on their own account. */
function Independent({ verdict, onSite }: CardProps): JSX.Element | null {
  const others = verdict.culprits.slice(1);
  if (others.length === 0) return null;
  const block = (culprit: Culprit): JSX.Element => (
    <div class="independent" key={`${culprit.site} ${culprit.phase}`}>
      <Found culprit={culprit} verdict={verdict} onSite={onSite} />
    </div>
  );
  const hidden = others.slice(culpritsShown - 1);
  return (
    <>
      <p class="independent-note">
        {others.length === 1
          ? "One more place is wrong on its own account:"
          : `${formatCount(others.length)} more places are wrong on their own account:`}
      </p>
      {others.slice(0, culpritsShown - 1).map(block)}
      {hidden.length > 0 && (
        <details class="independent">
          <summary>The other {formatCount(hidden.length)}</summary>
          {hidden.map(block)}
        </details>
      )}
    </>
  );
}

function Nothing({ verdict }: { readonly verdict: Verdict }): JSX.Element {
  const { compared, total } = verdict.coverage;
  if (verdict.status === "pass") {
    return (
      <p class="summary">
        No site fails: {formatCount(compared)} of {formatCount(total)} sites compared, all within the limit.
      </p>
    );
  }
  return (
    <p class="summary">
      No culprit was found. {formatCount(compared)} of {formatCount(total)} sites could be compared.
    </p>
  );
}

/** Card at the head of a case. */
export function CulpritCard({ verdict, onSite }: CardProps): JSX.Element {
  const note = expectationNote(verdict);
  const { culprit, error } = verdict;
  const tone = error ? "error" : culprit ? "fail" : verdict.status;
  return (
    <section class={`panel answer ${tone}`} aria-label="Result">
      {note !== null && <p class="expectation">{note}</p>}
      {error && (
        <>
          <p class="eyebrow">Error</p>
          <p class="summary">{error.message}</p>
          {error.remedy !== undefined && <p class="remedy">{error.remedy}</p>}
          {error.stderr_tail.length > 0 && (
            <figure>
              <figcaption class="label">End of the engine's standard error</figcaption>
              <pre tabIndex={0}>{error.stderr_tail.join("\n")}</pre>
            </figure>
          )}
        </>
      )}
      {culprit && <Found culprit={culprit} verdict={verdict} onSite={onSite} />}
      <Independent verdict={verdict} onSite={onSite} />
      {!error && !culprit && <Nothing verdict={verdict} />}
    </section>
  );
}
