/** Clauses about changes of positions, rotary embeddings and tokens. */
import type { ChangeOf } from "../../change.ts";
import type { Words } from "./shared.ts";
import { maskWords } from "./masks.ts";
import { namedNumber, numberText, ordinal } from "./shared.ts";

const rotations: Readonly<Record<ChangeOf<"rotation">["to"], string>> = {
  "once more": "the rotary embedding is applied once more",
  "taken back": "the rotary embedding is taken back: rotated the other way afterwards",
  "not applied": "the rotary embedding is not applied",
  twice: "the rotary embedding is applied twice",
  "other direction": "features are rotated in the other direction (sines with the other sign)",
  "cos and sin swapped": "cosines and sines are swapped",
  pairs: "neighbouring features are rotated together (interleaved), in place of the two halves",
  halves: "the two halves of the features are rotated together, in place of neighbouring features",
  "pairs, tables for halves":
    "neighbouring features are rotated together (interleaved), with the tables in the order of halves",
  "halves, tables for pairs":
    "the two halves of the features are rotated together, with the tables in the order of neighbouring features",
  "tables for pairs": "the tables are in the order of interleaved pairs, the features are rotated in halves",
  "tables of the next token": "each token is rotated by the tables of the next one",
  "tables of the token before": "each token is rotated by the tables of the one before",
  "first token's tables": "every token is rotated by the tables of the first one",
  "first sequence's tables": "every sequence is rotated by the tables of the first sequence",
  "first half only": "only the first half of the features is rotated",
  "second half only": "only the second half of the features is rotated",
};

/** The rule that gave the engine's positions, as words that follow "positions" or "positions that". */
const positionRules: Readonly<Record<ChangeOf<"positions">["rule"], string>> = {
  "padding counted": "count padding, as if there were no attention mask",
  "padding counted, from 1": "count padding, and start at 1",
  "from 0 in every forward": "start at 0 in every forward",
  "restarted behind the cache": "restart behind the cache",
  "all 0": "are all 0",
  "last for all": "are all that of the last token",
  "first sequence for all": "are those of the first sequence in every sequence",
  reversed: "run in reverse order",
  doubled: "are twice as large",
  "length for all": "are all the length of the sequence",
  "from the start of the phase": "count from the start of the phase, without the padding's offset",
  "padding at 1": "are 1 for padding",
  "padding negative": "are negative for padding",
  "text only": "are the numbers of the tokens, as if there were only text",
};

const mediaRules: Readonly<Record<ChangeOf<"media positions">["rule"], string>> = {
  "as text": "tokens of images and videos have positions like text",
  "grid for the first only":
    "only the first image or video of a sequence has the positions of a grid, the others have those of text",
  "text goes on by tokens": "text behind an image goes on from the number of its tokens, not from its largest position",
  "text one too far": "text behind an image goes on one position too far",
  "text one too early": "text behind an image goes on one position too early",
  "one for an image": "an image takes one position, whatever its size",
  "text behind the largest": "text behind an image or video goes on behind its largest position",
  "one time for all frames": "all frames of a video have the position of the first in time",
  "lead of the first sequence":
    "the lead of positions over the number of tokens that images make (rope_deltas) is the first sequence's for all",
};

const tokenReads: Readonly<Record<ChangeOf<"tokens">["to"], string>> = {
  "as given": "token ids are those of the input as they stand there",
  "one early": "the phase starts one token too early",
  "one late": "the phase starts one token too late",
  "from the start of the input": "the phase reads the input from its start",
  "last for all": "the last token is read in the place of all",
  reversed: "tokens are read in reverse order",
  "first sequence for all": "the first sequence is read in the place of all",
};

export const positionWords = {
  ...maskWords,
  rotation: ({ to, call }) => `${rotations[to]}${call === null ? "" : `, in the ${ordinal(call)} call only`}`,
  "partly rotated": ({ rotated, features, layout, respaced }) => {
    const together = layout === "pairs" ? "neighbouring features" : "the two halves of these";
    const spaced = respaced ? ", with their frequencies spaced over these" : "";
    return `only the first ${rotated} of ${features} features are rotated, ${together} together${spaced}`;
  },
  "rope base": ({ expected, found }) =>
    `the base of the rotary frequencies (rope_theta) is ${numberText(found, 8)}, the reference has ${numberText(expected, 8)}`,
  "rope span": ({ expected, found }) =>
    `the exponents of the rotary frequencies are spread over ${found} features in place of ${expected}`,
  "rope frequencies": ({ theta, span, rotated, features }) =>
    `the rotary frequencies are those of rope_theta ${numberText(theta)} with exponents over ${span} features, ${rotated} of ${features} features rotated`,
  "frequencies scaled": ({ factor }) => `the rotary frequencies are multiplied by ${namedNumber(factor)}`,
  "frequencies cut": ({ kept, of }) =>
    `only the first ${kept} of ${of} rotary frequencies are there, the others are zero`,
  "tables of": ({ weight }) => `features are rotated by the tables of \`${weight}\``,
  "rope sections": ({ attribute, expected, found }) =>
    `\`${attribute}\` is [${found.join(", ")}], the reference has [${expected.join(", ")}]`,
  "config field": ({ field, expected, found }) =>
    found === null
      ? `the config's \`${field}\` is left out (${valueText(expected)} in the reference)`
      : `the config's \`${field}\` is ${valueText(found)}, the reference has ${valueText(expected)}`,
  positions: ({ of, rule }) => `${whose[of]} ${positionRules[rule]}`,
  "positions shifted": ({ of, by, never_below_0: bounded }) => {
    const far = `${numberText(Math.abs(by), 4)} too ${by > 0 ? "high" : "low"}`;
    return `${whose[of]} are ${far}${bounded ? ", but not below 0" : ""}`;
  },
  "positions at most": ({ last }) => `positions stop growing at ${last}, as the number of cached tokens does`,
  "position kinds exchanged": ({ kinds: [first, second], media_only: only }) =>
    `positions in ${first} and ${second} are exchanged${only ? " in images and videos" : ""}`,
  "one position kind": ({ which }) => `positions in ${which} are taken for all kinds of positions`,
  "media positions": ({ rule }) => mediaRules[rule],
  "frames apart": ({ by }) => `frames of a video are ${numberText(by)} positions apart in time`,
  tokens: ({ to }) => tokenReads[to],
} satisfies Partial<Words>;

const whose = { ids: "positions", rotation: "tokens are rotated by positions that" } as const;

function valueText(value: unknown): string {
  if (typeof value === "number") return numberText(value);
  return Array.isArray(value) ? `[${value.map(valueText).join(", ")}]` : String(value);
}
