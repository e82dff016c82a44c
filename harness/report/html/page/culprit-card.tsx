/** The answer of a case: where it goes wrong and why, or that nothing does. */
import { differenceTexts } from "../../../verdict/words/differences.ts";
import type { JSX } from "preact";
import { layerOf, parseSite, withoutLayer } from "../../../trace/site.ts";
import type { Culprit, SizeCause, SizeReading } from "../../../verdict/culprit.ts";
import { culpritText, placeText } from "../../../verdict/words/culprit.ts";
import { claimText, evidenceTexts, formulaText } from "../../../verdict/words/sizes.ts";
import { regionText } from "../../../verdict/words/why.ts";
import type { Verdict } from "../../../verdict/schema.ts";
import { formatCount } from "../format.ts";
import { expectationNote } from "../outcome.ts";
import { Explanation } from "./explanation.tsx";
import { SiteName } from "./parts.tsx";

type Sizes = readonly (number | string)[];

interface ShapeRowProps {
  readonly label: string;
  readonly shape: Sizes;
  readonly other: Sizes | undefined;
  readonly formulas: readonly SizeReading[];
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
        {formulas.map((reading) => (
          <span class="formula" key={reading.size}>
            <b class="num">{reading.size}</b> = {formulaText(reading, " × ")}
          </span>
        ))}
      </td>
    </tr>
  );
}

function SizeCauses({ causes }: { readonly causes: readonly SizeCause[] }): JSX.Element {
  const ordered = causes.toSorted((left, right) => Number(right.holds) - Number(left.holds));
  return (
    <ul class="readings">
      {ordered.map((cause) => (
        <li key={cause.kind} class={cause.holds ? "holds" : "ruled-out"}>
          <span class="tag">{cause.holds ? "holds" : "ruled out"}</span>
          <div>
            <p class="claim">{claimText(cause)}</p>
            <p class="proof">{evidenceTexts(cause).join("; ")}</p>
          </div>
        </li>
      ))}
    </ul>
  );
}

interface AlsoProps {
  readonly culprit: Culprit;
  readonly onSite: CardProps["onSite"];
}

/** Other affected places; those that only differ in the layer or the phase are shortened to that. */
function Also({ culprit, onSite }: AlsoProps): JSX.Element {
  const layer = (site: string): number | null => layerOf(parseSite(site).module);
  const areAlike = culprit.also.every(
    ({ site }) => layer(site) !== null && withoutLayer(site) === withoutLayer(culprit.site),
  );
  const areSame = culprit.also.every(({ site }) => site === culprit.site);
  const heading = areSame ? "The same in" : areAlike ? "The same in layers" : "The same at";
  return (
    <p class="also">
      <span class="label">{heading}</span>{" "}
      {culprit.also.map((place) => (
        <button
          type="button"
          key={placeText(place)}
          class="chip"
          title={placeText(place)}
          aria-label={placeText(place)}
          onClick={() => onSite(place.site, place.phase)}
        >
          {areSame ? place.phase : areAlike ? layer(place.site) : placeText(place)}
        </button>
      ))}
    </p>
  );
}

function AtCulprit({ audit }: { readonly audit: Verdict["config_audit"] }): JSX.Element | null {
  const found = audit?.at_culprit;
  if (!found || found.reference_only.length === 0) return null;
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

function Found({ culprit, verdict, onSite }: CardProps & { readonly culprit: Culprit }): JSX.Element {
  const { shapes } = culprit;
  return (
    <>
      {culprit.explanation && <Explanation explanation={culprit.explanation} where={culprit.where.map(regionText)} />}
      <p class="eyebrow">
        Culprit <span>in {culprit.phase}</span>
      </p>
      <h2>
        <button type="button" class="plain" onClick={() => onSite(culprit.site, culprit.phase)}>
          <SiteName site={culprit.site} />
        </button>
      </h2>
      <p class="summary">{culpritText(culprit)}</p>
      {shapes && (
        <table class="shapes">
          <tbody>
            <ShapeRow label="expected" shape={shapes.expected} other={shapes.found} formulas={shapes.expected_sizes} />
            <ShapeRow label="found" shape={shapes.found} other={shapes.expected} formulas={shapes.found_sizes} />
          </tbody>
        </table>
      )}
      {culprit.also.length > 0 && <Also culprit={culprit} onSite={onSite} />}
      {culprit === verdict.culprits[0] && <AtCulprit audit={verdict.config_audit} />}
      {shapes && shapes.causes.length > 0 && <SizeCauses causes={shapes.causes} />}
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
  const compare = `${formatCount(compared)} of ${formatCount(total)} sites could be compared.`;
  const differences = differenceTexts(verdict);
  if (differences.length === 0) return <p class="summary">No culprit was found. {compare}</p>;
  return (
    <>
      {differences.map((text) => (
        <p class="summary">{text[0]!.toUpperCase() + text.slice(1)}.</p>
      ))}
      <p class="note">No site fails by itself: {compare}</p>
    </>
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
