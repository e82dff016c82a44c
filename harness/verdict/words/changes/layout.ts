/** Clauses about changes of layout. */
import type { AxisFact, ChangeOf } from "../../change.ts";
import type { Words } from "./shared.ts";
import { axisText, subjectText } from "./shared.ts";

/** Rows and places that are told. */
const [rowsShown, placesShown] = [12, 6];

const resizings: Readonly<Record<ChangeOf<"resized">["how"], string>> = {
  "end cut": "cut off at the end",
  "start cut": "cut off at the start",
  "zeros behind": "followed by zeros",
  "zeros in front": "preceded by zeros",
  "first again": "followed by the first ones again",
  "each repeated": "each repeated",
  tiled: "all repeated, one round after the other",
};

const slices = {
  start: "the slice is taken from the start",
  end: "the slice is taken from the end",
  "even indices": "every second element is taken, from the first on, in place of a half",
  "odd indices": "every second element is taken, from the second on, in place of a half",
} as const;

export const layoutWords = {
  reversed: ({ of, axis }) => `${subjectText(of)} is in reverse order along ${axisText(axis)}`,
  shifted: ({ of, axis, by, zeros }) => {
    const far = `${by < 0 ? "back " : ""}by ${Math.abs(by)}`;
    return `${subjectText(of)} is shifted ${far} along ${axisText(axis)}${zeros ? ", with zeros coming in" : ", wrapping around"}`;
  },
  "one index for all": ({ of, axis, index }) => {
    const which = typeof index === "string" ? `the ${index} index` : `index ${index}`;
    return `${subjectText(of)} has ${which} of ${axisText(axis)} for all`;
  },
  interleaved: ({ of, axis, blocks }) =>
    `${subjectText(of)} has ${axisText(axis)} in the order of ${blocks} x ${axis.size / blocks} transposed`,
  "blocks reversed": ({ of, axis, blocks }) =>
    `${subjectText(of)} has the ${blocks} blocks of ${axisText(axis)} in reverse order`,
  "blocks exchanged": ({ of, axis, outer, inner }) =>
    `${subjectText(of)} has ${axisText(axis)} as ${outer} x ${inner} blocks in the order of ${inner} x ${outer}`,
  "rotary order": ({ of, axis, blocks, to }) => {
    const [from, into] = to === "pairs" ? ["halves", "neighbouring pairs"] : ["neighbouring pairs", "halves"];
    return `${subjectText(of)} has the rows of each of ${blocks} blocks of ${axisText(axis)} permuted from rotary ${from} to ${into}`;
  },
  "axes exchanged": ({ of, axes: [first, second], when }) =>
    `${subjectText(of)} is ${when} with ${pairText(first, second)} in the other order`,
  "tail zero": ({ of, axis, kept }) =>
    `${subjectText(of)} has only the first ${kept} of ${axis.size} indices of ${axisText(axis)}: zeros behind`,
  "one shard": ({ of, axis, shard, shards }) =>
    `${subjectText(of)} has only shard ${shard} of ${shards} of ${axisText(axis)}: zeros for the others`,
  zero: ({ of }) =>
    of.kind === "tensor" ? "the tensor is zero: not written, or left out" : `${subjectText(of)} is zero`,
  offset: ({ of, by }) => `${subjectText(of)} is ${numberWord(by)} too ${by > 0 ? "high" : "low"}`,
  "from elsewhere": ({ of, axis, places, moved }) => {
    const shown = places.slice(0, placesShown).map(([place, source]) => `${place} from ${source}`);
    const more = moved > shown.length ? ", ..." : "";
    return `${subjectText(of)} has ${axisText(axis)} from other places${shown.length > 0 ? `: ${shown.join(", ")}${more}` : ""}`;
  },
  "rows reordered": ({ of, order, rows }) => {
    const more = rows > rowsShown ? ", ..." : "";
    return `${subjectText(of)} has its rows in the order ${order.slice(0, rowsShown).join(", ")}${more}`;
  },
  "parts reordered": ({ operation, to }) =>
    to === "reversed"
      ? `the parts of \`${operation}\` are in reverse order`
      : `the parts of \`${operation}\` are interleaved element by element, not joined end to end`,
  "other axis outermost": ({ operation, step, sizes: [first, second] }) =>
    step === "split"
      ? `\`${operation}\` splits an axis into ${first} x ${second} with the other axis outermost (interleaved)`
      : `\`${operation}\` merges ${first} x ${second} with the other axis outermost (interleaved)`,
  "other slice": ({ from }) => slices[from],
  "slice length": ({ axis, expected, found, from }) => {
    const place = from === "start" ? "from the start" : "up to the end";
    return `a slice ${place} holds ${found} ${axis.name ?? "element"}s, the reference's holds ${expected}`;
  },
  resized: ({ axis, how, expected, found }) =>
    `${axisText(axis)} are ${resizings[how]}: ${found} in place of ${expected}`,
} satisfies Partial<Words>;

function pairText(first: AxisFact, second: AxisFact): string {
  if (first.name && second.name) return `${first.name}s and ${second.name}s (${first.size} x ${second.size})`;
  return `axes ${first.index} and ${second.index} (${first.size} x ${second.size})`;
}

function numberWord(by: number): string {
  return ["zero", "one", "two"][Math.abs(by)] ?? `${Math.abs(by)}`;
}
