/** The answer of a case: where it goes wrong and why, or that nothing does. */
import type { JSX } from "preact";
import type { Culprit, Verdict } from "../../../compare/verdict.ts";
import { formatCount } from "../format.ts";
import { expectationNote } from "../outcome.ts";
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

/** Other affected sites; the ones of other layers that only differ in the index are shortened to their indices. */
function Also({
  culprit,
  onSite,
}: {
  readonly culprit: Culprit;
  readonly onSite: (site: string) => void;
}): JSX.Element {
  const layer = (site: string): string => /\.(\d+)[.:#]/.exec(site)?.[1] ?? "";
  const starred = (site: string): string => site.replace(/\.\d+(?=[.:#])/, ".*");
  const areAlike = culprit.also.every((site) => layer(site) !== "" && starred(site) === starred(culprit.site));
  return (
    <p class="also">
      <span class="label">{areAlike ? "The same in layers" : "The same at"}</span>{" "}
      {culprit.also.map((site) => (
        <button type="button" key={site} class="chip" title={site} aria-label={site} onClick={() => onSite(site)}>
          {areAlike ? layer(site) : site}
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
  readonly onSite: (site: string) => void;
}

function Found({ culprit, verdict, onSite }: CardProps & { readonly culprit: Culprit }): JSX.Element {
  return (
    <>
      <p class="eyebrow">
        Culprit <span>in {culprit.phase}</span>
      </p>
      <h2>
        <button type="button" class="plain" onClick={() => onSite(culprit.site)}>
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
      <AtCulprit audit={verdict.config_audit} />
      {culprit.readings.length > 0 && <Readings readings={culprit.readings} />}
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
      {!error && !culprit && <Nothing verdict={verdict} />}
    </section>
  );
}
