/** Phase, measure and filter of a case, and the legend of the colours. */
import type { JSX } from "preact";
import type { Measure } from "../format.ts";
import { powerOfTen } from "../format.ts";
import { highestRatio, lowestRatio, ratioColour, type Theme } from "./scale.ts";
import type { Lens } from "./selection.ts";

interface ControlsProps {
  readonly lens: Lens;
  readonly phases: readonly string[];
  readonly hasLocal: boolean;
  readonly onLens: (change: Partial<Lens>) => void;
}

interface ChoiceProps<Value extends string> {
  readonly name: string;
  readonly legend: string;
  readonly values: readonly (readonly [value: Value, label: string])[];
  readonly chosen: Value;
  readonly onChoose: (value: Value) => void;
}

function Choice<Value extends string>({ name, legend, values, chosen, onChoose }: ChoiceProps<Value>): JSX.Element {
  return (
    <fieldset class="choice">
      <legend class="hidden">{legend}</legend>
      {values.map(([value, label]) => (
        <label key={value} class={value === chosen ? "on" : ""}>
          <input type="radio" name={name} checked={value === chosen} onChange={() => onChoose(value)} />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

const measures: readonly (readonly [Measure, string])[] = [
  ["accumulated", "accumulated"],
  ["local", "local"],
];

/** The row of controls above the map. */
export function Controls({ lens, phases, hasLocal, onLens }: ControlsProps): JSX.Element {
  const choices = [["", "worst phase"] as const, ...phases.map((phase) => [phase, phase] as const)];
  return (
    <div class="controls" role="group" aria-label="What is shown">
      {phases.length > 1 && phases.length <= 6 && (
        <Choice
          name="phase"
          legend="Phase"
          values={choices}
          chosen={lens.phase}
          onChoose={(phase) => onLens({ phase })}
        />
      )}
      {phases.length > 6 && (
        <select
          aria-label="Phase"
          value={lens.phase}
          onChange={(event) => onLens({ phase: event.currentTarget.value })}
        >
          {choices.map(([phase, label]) => (
            <option key={phase} value={phase}>
              {label}
            </option>
          ))}
        </select>
      )}
      {hasLocal && (
        <Choice
          name="measure"
          legend="Error"
          values={measures}
          chosen={lens.measure}
          onChoose={(measure) => onLens({ measure })}
        />
      )}
      <input
        type="search"
        class="filter"
        placeholder="Filter sites"
        aria-label="Filter sites by name"
        spellcheck={false}
        value={lens.query}
        onInput={(event) => onLens({ query: event.currentTarget.value })}
      />
      <label class="check">
        <input type="checkbox" checked={lens.failingOnly} onChange={() => onLens({ failingOnly: !lens.failingOnly })} />
        Failing only
      </label>
    </div>
  );
}

interface LegendProps {
  readonly limit: number;
  readonly theme: Theme;
  readonly hasRatios: boolean;
  readonly hasUnknown: boolean;
  readonly hasInherited: boolean;
}

const legendWidth = 220;
const breakAt = 66;

/** The colour scale, with its break at the limit, and the marks. */
export function Legend({ limit, theme, hasRatios, hasUnknown, hasInherited }: LegendProps): JSX.Element {
  const bands = Array.from({ length: 44 }, (_, band) => {
    const x = (band + 0.5) * (legendWidth / 44);
    const isBelow = x < breakAt;
    const share = isBelow ? x / breakAt : (x - breakAt) / (legendWidth - breakAt);
    const [low, high] = isBelow ? [lowestRatio, limit] : [limit * 1.0001, highestRatio];
    return ratioColour(low * (high / low) ** share, limit, theme);
  });
  return (
    <div class="legend">
      {hasRatios && (
        <svg
          class="ramp"
          viewBox={`0 0 ${legendWidth + 30} 24`}
          role="img"
          aria-label={`Colour scale: blue to grey up to the limit of ${limit} times noise, orange to vermillion above it.`}
        >
          {bands.map((colour, band) => {
            const gap = band * (legendWidth / 44) >= breakAt - 0.1 ? 3 : 0;
            return (
              <rect
                key={band}
                x={10 + band * (legendWidth / 44) + gap}
                y="0"
                width={legendWidth / 44 + 0.3}
                height="9"
                fill={colour}
              />
            );
          })}
          <text x="10" y="21">
            {lowestRatio}×
          </text>
          <text x={11.5 + breakAt} y="21" text-anchor="middle" class="strong">
            limit {limit}×
          </text>
          <text x={legendWidth + 13} y="21" text-anchor="end">
            ≥ {powerOfTen(6)}×
          </text>
        </svg>
      )}
      <span>
        <svg class="swatch" viewBox="0 0 14 14" aria-hidden="true">
          <rect width="14" height="14" fill={ratioColour(2000, limit, theme)} />
          <path d="M4 4l6 6M10 4l-6 6" class="cross" />
        </svg>
        {hasInherited ? "wrong here" : "fails"}
      </span>
      {hasInherited && (
        <span>
          <svg class="swatch" viewBox="0 0 14 14" aria-hidden="true">
            <rect width="14" height="14" fill={ratioColour(2000, limit, theme)} />
            <path d="M5 9l4-4" class="cross" />
          </svg>
          error from before
        </span>
      )}
      {!hasRatios && (
        <span>
          <svg class="swatch" viewBox="0 0 14 14" aria-hidden="true">
            <rect width="14" height="14" fill={ratioColour(0.8, limit, theme)} />
          </svg>
          agrees
        </span>
      )}
      {hasUnknown && (
        <span>
          <svg class="swatch" viewBox="0 0 14 14" aria-hidden="true">
            <path d="M0 4L4 0M0 8L8 0M0 12L12 0M2 14L14 2M6 14L14 6M10 14L14 10" class="hatch" />
          </svg>
          not compared
        </span>
      )}
    </div>
  );
}
