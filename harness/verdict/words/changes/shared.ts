/** The words for what facts about changes are made of: numbers, axes, tensors and what of a call is meant. */
import type { AxisFact, Change, ChangeOf, NumberFact, Part, Subject, TensorFact } from "../../change.ts";

/** A clause for each kind of change: what is so in the engine, without a full stop. */
export type Words = { readonly [Kind in Change["kind"]]: (change: ChangeOf<Kind>) => string };

/** Digits that a number is told with, and at most where it takes more to tell it from another. */
const [usualDigits, mostDigits] = [6, 12];
/** Runs of indices that are spelled out. */
const rangesShown = 6;

/** A number with as many digits as say something: 0.223607, 1e-6, 50. */
export function numberText(value: number, digits = usualDigits): string {
  const short = Number(value.toPrecision(digits));
  const size = Math.abs(short);
  return size !== 0 && (size < 1e-4 || size >= 1e15)
    ? short.toExponential().replace("e+", "e")
    : `${short === 0 ? 0 : short}`;
}

/**
 * A number with what it is called: `0.223607 (1/sqrt(text_config.head_dim 20))`; with enough digits to tell it from
 * `other`.
 */
export function namedNumber({ value, name }: NumberFact, other?: number): string {
  const called = name && nameText(name);
  return `${numberText(value, digitsFrom(value, other))}${called ? ` (${called})` : ""}`;
}

/** Six digits, and more where two numbers are nearly the same. */
function digitsFrom(value: number, other: number | undefined): number {
  if (other === undefined || Math.abs(value - other) >= 0.01 * Math.abs(other)) return usualDigits;
  for (let digits = usualDigits; digits < mostDigits; digits++)
    if (value.toPrecision(digits) !== other.toPrecision(digits)) return digits;
  return mostDigits;
}

function nameText(name: NonNullable<NumberFact["name"]>): string {
  if (name.kind === "usual") return "";
  const { path, power } = name;
  const known = `${path} ${numberText(name.value)}`;
  if (power === 1) return path;
  if (power === 0.5) return `sqrt(${known})`;
  if (power === -0.5) return `1/sqrt(${known})`;
  return power === -1 ? `1/(${known})` : `(${known})^${power}`;
}

/** `token`s, or `axis 1 (40)` where nobody knows what the axis runs over. */
export function axisText({ name, index, size }: AxisFact): string {
  return name ? `${name}s` : `axis ${index} (${size})`;
}

/** A tensor of the call: its site, or the argument that it was given as. */
export function tensorText(tensor: TensorFact): string {
  if (tensor.kind === "site") return `\`${tensor.site}\``;
  const part = tensor.part === null ? "" : `part ${tensor.part + 1} of `;
  return `${part}the argument \`${tensor.argument}\``;
}

/** Names the part of a call that a change is made to: `the tensor`, `operand 2 of mul`. */
export function subjectText(of: Subject): string {
  switch (of.kind) {
    case "tensor":
      return "the tensor";
    case "input":
      return "the module's input";
    case "argument":
      return `the argument \`${of.argument}\``;
    case "weight":
      return `\`${of.weight}\``;
    case "operand": {
      const part = of.part === null ? "" : `part ${of.part} of `;
      return `${part}operand ${of.operand} of \`${of.operation}\``;
    }
    case "operands":
      return `each operand of \`${of.operation}\``;
    case "result":
      return `the result of \`${of.operation}\``;
    case "every operation":
      return `the result of every operation in \`${of.module}\``;
  }
}

/** `head 3 of 4 and tokens 0 to 7 of 19`: the block of a tensor that a change is restricted to. */
export function partText(part: Part): string {
  return part
    .map(({ axis: { name, index, size }, ranges }) => {
      const runs = ranges
        .slice(0, rangesShown)
        .map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`));
      const more = ranges.length > rangesShown ? ", ..." : "";
      const single = ranges.length === 1 && ranges[0]![0] === ranges[0]![1];
      const what = name ? `${name}${single ? "" : "s"}` : `${single ? "index" : "indices"}`;
      return `${what} ${runs.join(", ")}${more} of ${name ? size : `axis ${index} (${size})`}`;
    })
    .join(" and ");
}

/** `1st`, `2nd`, `3rd`, `4th`. */
export function ordinal(place: number): string {
  const ending = place % 100 >= 11 && place % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${place}${ending}`;
}
