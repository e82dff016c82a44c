/** Shows why the engine differs at a culprit: the cause, what else it may be, or that nothing was found. */
import { errorReadingText } from "../../../verdict/words/culprit.ts";
import type { JSX } from "preact";
import type { Counterfactual, Explanation as Facts } from "../../../verdict/explanation.ts";
import { distancesText, phasesText } from "../../explanation.ts";
import { sortCandidates } from "../../../explain/ranking.ts";
import { apartText, changeText, sourceText, unreadText } from "../../../verdict/words/change.ts";
import { formatCount, formatRatio, formatSeconds } from "../format.ts";
import { Sentence } from "./parts.tsx";

interface ClaimProps {
  readonly label: string;
  readonly candidate: Counterfactual;
}

/** The headline: label, sentence, phases. */
function Claim({ label, candidate }: ClaimProps): JSX.Element {
  const phases = phasesText(candidate);
  return (
    <h2 class="cause">
      <span class="cause-label">{label}</span> <Sentence text={changeText(candidate)} />
      {phases !== "" && <span class="phases">, {phases}</span>}
    </h2>
  );
}

interface DistancesProps {
  readonly before: number;
  readonly candidate: Counterfactual;
  readonly change: string;
}

function Distances({ before, candidate, change }: DistancesProps): JSX.Element {
  return <p class="distances num">The engine is {distancesText([before, candidate.ratio], change, formatRatio)}.</p>;
}

function Source({ candidate }: { readonly candidate: Counterfactual }): JSX.Element | null {
  if (candidate.sources.length === 0) return null;
  return (
    <p class="source">
      <span class="label">Reference</span> <code>{sourceText(candidate.sources)}</code>
    </p>
  );
}

/** Changes that no case with these inputs can tell from the candidate. */
function Synonyms({ candidate }: { readonly candidate: Counterfactual }): JSX.Element | null {
  if (candidate.synonyms.length === 0) return null;
  return (
    <p class="synonyms">
      <span class="label">Gives the same numbers on these inputs:</span>{" "}
      {candidate.synonyms.map((synonym, index) => (
        <span key={synonym.id}>
          {index > 0 && "; "}
          <Sentence text={changeText(synonym)} />
        </span>
      ))}
    </p>
  );
}

function Others({ candidates }: { readonly candidates: readonly Counterfactual[] }): JSX.Element {
  return (
    <ul class="others">
      {candidates.map((candidate) => {
        const phases = phasesText(candidate);
        return (
          <li key={candidate.id}>
            <p>
              <Sentence text={changeText(candidate)} />
              {phases !== "" && `, ${phases}`}{" "}
              <span class="muted num">{candidate.ratio === 0 ? "equal" : formatRatio(candidate.ratio)}</span>
            </p>
            {candidate.apart !== null && <p class="muted">Told apart by {apartText(candidate.apart)}.</p>}
            <Source candidate={candidate} />
            <Synonyms candidate={candidate} />
          </li>
        );
      })}
    </ul>
  );
}

function Effort({ tried, seconds }: Pick<Facts, "tried" | "seconds">): JSX.Element {
  return (
    <p class="effort">
      {formatCount(tried)} changes of the reference were tried in {formatSeconds(seconds)}.
    </p>
  );
}

function Rivals({ candidates }: { readonly candidates: readonly Counterfactual[] }): JSX.Element {
  return (
    <div class="rivals">
      <h3>Also possible</h3>
      <Others candidates={candidates} />
      <p class="muted">
        This case can't tell them apart: here they give the same numbers to within noise. A case with other sizes,
        values or phases, in which they differ, will.
      </p>
    </div>
  );
}

interface Unsolved extends ExplanationProps {
  readonly forms: readonly Counterfactual[];
}

/** Says that no change gives what the engine has, and then what the error looks like. */
function NotFound({ explanation, where, forms }: Unsolved): JSX.Element {
  const { tried, seconds, ratio } = explanation;
  const [form, ...others] = forms;
  const plainly = form ? (
    <>
      <span class="cause-label">No single change gives it;</span> the error has this form:{" "}
      <Sentence text={changeText(form)} />
    </>
  ) : (
    <>
      <span class="cause-label">Unexplained:</span> none of {formatCount(tried)} changes of the reference gives what the
      engine has
    </>
  );
  return (
    <>
      <h2 class="cause">{plainly}</h2>
      {form && <Distances before={ratio} candidate={form} change="form of error" />}
      {form && <p class="muted">This describes the error and says nothing of where it comes from.</p>}
      {where.length > 0 && (
        <p class="distances">
          <span class="label">The error is only in</span> {where.join("; ")}.
        </p>
      )}
      {explanation.reading && <p class="distances">Its size and kind: {errorReadingText(explanation.reading)}.</p>}
      {others.length > 0 && <Others candidates={others} />}
      {form && <Effort tried={tried} seconds={seconds} />}
    </>
  );
}

interface ExplanationProps {
  readonly explanation: Facts;
  /** The part of the tensor that the error is in; empty for everywhere. */
  readonly where: readonly string[];
}

/** The cause as a headline with its evidence; says plainly when there is none. */
export function Explanation({ explanation, where }: ExplanationProps): JSX.Element {
  const { cause, rivals, lesser, forms } = sortCandidates(explanation.candidates);
  if (!cause) {
    return (
      <div class="explanation open">
        <NotFound explanation={explanation} where={where} forms={forms} />
      </div>
    );
  }
  const label = rivals.length > 0 ? "Possible cause:" : "Explained by:";
  return (
    <div class="explanation">
      <Claim label={label} candidate={cause} />
      <Distances before={explanation.ratio} candidate={cause} change="change" />
      {cause.unread.length > 0 && <p class="distances">And {unreadText(cause.unread)}.</p>}
      <Source candidate={cause} />
      <Synonyms candidate={cause} />
      {rivals.length > 0 && <Rivals candidates={rivals} />}
      {lesser.length + forms.length > 0 && (
        <details>
          <summary>
            Less simple explanations <span class="num">{lesser.length + forms.length}</span>
          </summary>
          {lesser.length > 0 && <Others candidates={lesser} />}
          {forms.length > 0 && <p class="muted">Forms of the error, which are no causes:</p>}
          {forms.length > 0 && <Others candidates={forms} />}
        </details>
      )}
      <Effort tried={explanation.tried} seconds={explanation.seconds} />
    </div>
  );
}
