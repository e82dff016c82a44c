/** Small pieces that every view uses. */
import type { ComponentChildren, JSX } from "preact";
import { formatRatio } from "../format.ts";
import type { Outcome } from "../../../verdict/words/outcome.ts";
import { toneOf, type Tone } from "../outcome.ts";
import { highestRatio, logShare, lowestRatio } from "./scale.ts";

/** Every outcome has its own outline as well as its own mark: circle, ring, square, dashed circle, triangle. */
function ToneIcon({ tone }: { readonly tone: Tone }): JSX.Element {
  const marks: Readonly<Record<Tone, JSX.Element>> = {
    pass: (
      <>
        <circle cx="8" cy="8" r="7" class="solid" />
        <path d="M4.8 8.2l2.2 2.3 4.2-4.8" class="cut" />
      </>
    ),
    expected: (
      <>
        <circle cx="8" cy="8" r="6.3" class="ring" />
        <path d="M4.8 8.2l2.2 2.3 4.2-4.8" class="ring" />
      </>
    ),
    fail: (
      <>
        <rect x="1.2" y="1.2" width="13.6" height="13.6" rx="2" class="solid" />
        <path d="M5 5l6 6M11 5l-6 6" class="cut" />
      </>
    ),
    unknown: (
      <>
        <circle cx="8" cy="8" r="6.3" class="ring dashed" />
        <path d="M5.8 6.2c.2-2.7 4.5-2.4 4.3.1-.1 1.5-2 1.4-2.1 3M8 11.4v.3" class="ring" />
      </>
    ),
    error: (
      <>
        <path d="M8 1l7.2 13.4H.8z" class="solid" />
        <path d="M8 5.6v4.2M8 12v.2" class="cut" />
      </>
    ),
  };
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      {marks[tone]}
    </svg>
  );
}

/** Icon and word of an outcome, of a case, a site or a check. */
export function OutcomeMark({ outcome }: { readonly outcome: Outcome }): JSX.Element {
  const tone = toneOf(outcome);
  return (
    <span class={`mark ${tone}`}>
      <ToneIcon tone={tone} />
      {outcome}
    </span>
  );
}

/** A sentence in which `code` is in backticks. */
export function Sentence({ text }: { readonly text: string }): JSX.Element {
  const parts = text.split("`");
  return <>{parts.map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>;
}

/** A name that may break after its punctuation. */
export function Breakable({ text }: { readonly text: string }): JSX.Element {
  return (
    <>
      {text.split(/(?<=[/_.:-])/).map((part, index) => (
        <>
          {index > 0 && <wbr />}
          {part}
        </>
      ))}
    </>
  );
}

/** A site name that may break after its punctuation, with the module and port at its end emphasised. */
export function SiteName({ site }: { readonly site: string }): JSX.Element {
  const parts = site.split(/(?<=[.:#@/])/);
  const tail = site.search(/(?:[^.:#]+\.\d+|[^.:#]+)(?:[:#].*)?$/);
  let start = 0;
  return (
    <code class="site">
      {parts.map((part) => {
        const strong = start >= tail;
        start += part.length;
        return (
          <>
            {strong ? <b>{part}</b> : part}
            <wbr />
          </>
        );
      })}
    </code>
  );
}

/** A ratio with a bar on the scale of the heat map and a tick at the limit. */
export function RatioBar({ ratio, limit }: { readonly ratio: number; readonly limit: number }): JSX.Element {
  const width = (value: number): number =>
    Math.min(Math.max(logShare(value, lowestRatio / 2, highestRatio), 0.02), 1) * 64;
  return (
    <span class="ratio-bar">
      <span class="num">{formatRatio(ratio)}</span>
      <svg viewBox="0 0 64 8" aria-hidden="true">
        <rect x="0" y="3" width="64" height="2" class="track" />
        <rect x="0" y="2" width={width(ratio)} height="4" class={ratio > limit ? "over" : "under"} />
        <rect x={width(limit) - 0.5} y="0" width="1" height="8" class="tick" />
      </svg>
    </span>
  );
}

interface SectionProps {
  readonly id: string;
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A titled part of a case. */
export function Section({ id, title, note, children }: SectionProps): JSX.Element {
  return (
    <section class="panel" aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <p class="note">{note}</p>}
      </header>
      {children}
    </section>
  );
}

/** A readout: label above value. */
export function Readout({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="readout">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
