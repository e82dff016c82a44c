import { expect, test } from "vitest";
import type { z } from "zod";
import { change as changeSchema } from "../change.ts";
import type { Change, ChangeOf, NumberFact, Subject } from "../change.ts";
import { apartText, changeText, holeReasonText, sourceText, unreadText } from "./change.ts";

const token = { name: "token", index: 1, size: 19 } as const;
const rows = { name: null, index: 0, size: 40 } as const;
const tensor: Subject = { kind: "tensor" };
const operand: Subject = { kind: "operand", operation: "cat", operand: 1, part: 2 };
const weight = "layers.3.mlp.gate_proj.weight";
const usual = (value: number): NumberFact => ({ value, name: { kind: "usual" } });
const fitted = (value: number): NumberFact => ({ value, name: null });
const head = { kind: "site", site: "layers.3.norm:out" } as const;
const rule: ChangeOf<"mask rule">["found"] = {
  keys: "up to the query",
  ...{ window: 8, symmetric: false, block_in_window: false, padding: true, shift: 0, chunk: 0, past: true },
  blocks: "none",
};
const inverseRoot: NumberFact = {
  value: 1 / Math.sqrt(20),
  name: { kind: "field", path: "text_config.head_dim", value: 20, power: -0.5 },
};
const eps: NumberFact = { value: 0.001, name: { kind: "attribute", path: "eps", value: 0.001, power: 1 } };

/** A change of every kind, and more of those whose sentence depends on what they hold. */
const samples: readonly Change[] = [
  { kind: "left out", operation: "tanh" },
  { kind: "left out", operation: "neg" },
  { kind: "operand left out", operation: "add", operand: 2 },
  { kind: "operand changed", operation: "mul", operand: 2, to: "1 + x" },
  { kind: "applied twice", operation: "tanh" },
  { kind: "operation", expected: "softmax", found: "softmax plus one" },
  { kind: "operation", expected: "lt", found: "le" },
  { kind: "activation", expected: "gelu_tanh", found: "gelu_erf" },
  { kind: "activation", expected: { module: "NewGELUActivation" }, found: "relu" },
  { kind: "activation constants", expected: "gelu_tanh", root: 0.798, cube: 0.044715 },
  { kind: "input activated", activation: "silu" },
  { kind: "condition", operation: "where", to: "never true" },
  { kind: "number of largest", expected: 2, found: 1 },
  { kind: "part changed", operation: "cat", part: 2, parts: 3, to: "minus infinity" },
  {
    kind: "norm",
    expected: { norm: "rms", weight: "w" },
    found: { norm: "rms of parts", weight: "1 + w", parts: 6, eps: false },
  },
  {
    kind: "norm",
    expected: { norm: "rms", weight: "w" },
    found: { norm: "none", weight: "none", parts: null, eps: true },
  },
  { kind: "rounded", of: tensor, to: "bfloat16" },
  { kind: "rounded", of: { kind: "operands", operation: "linear" }, to: "TF32 cut off" },
  { kind: "quantised", of: { kind: "weight", weight }, scale: "row" },
  { kind: "number", operations: ["mul"], expected: fitted(1), found: inverseRoot },
  { kind: "number", operations: ["div", "mul"], expected: eps, found: fitted(0.001000004) },
  { kind: "function", of: "tensor", function: "soft-capped", number: usual(50) },
  { kind: "function", of: "input", function: "at least minus", number: usual(7) },
  { kind: "line", factor: fitted(0.5), offset: fitted(-0.25) },
  { kind: "per index", axis: token, each: "factor", numbers: [1.02, 0.98] },
  { kind: "term instead", tensor: head },
  { kind: "input instead", tensor: head },
  { kind: "term added", tensor: { kind: "argument", argument: "hidden_states", part: null }, factor: usual(1) },
  { kind: "term added", tensor: head, factor: fitted(0.4912) },
  { kind: "terms combined", first: head, operation: "+", second: { kind: "argument", argument: "residual", part: 0 } },
  { kind: "weight used", operation: "multiplied by", weight },
  { kind: "reversed", of: tensor, axis: token },
  { kind: "shifted", of: operand, axis: rows, by: -1, zeros: true },
  { kind: "one index for all", of: tensor, axis: token, index: 3 },
  { kind: "interleaved", of: operand, axis: rows, blocks: 4 },
  { kind: "blocks reversed", of: { kind: "weight", weight }, axis: rows, blocks: 2 },
  { kind: "blocks exchanged", of: operand, axis: rows, outer: 2, inner: 5 },
  { kind: "rotary order", of: { kind: "weight", weight }, axis: rows, blocks: 4, to: "pairs" },
  { kind: "axes exchanged", of: tensor, axes: [token, { name: "feature", index: 2, size: 40 }], when: "written" },
  { kind: "tail zero", of: operand, axis: rows, kept: 32 },
  { kind: "one shard", of: { kind: "argument", argument: "hidden_states" }, axis: rows, shard: 1, shards: 2 },
  { kind: "zero", of: tensor },
  { kind: "offset", of: operand, by: 2 },
  {
    kind: "from elsewhere",
    of: tensor,
    axis: token,
    places: [
      [3, 4],
      [4, 3],
    ],
    moved: 2,
  },
  { kind: "rows reordered", of: operand, order: [2, 0, 1], rows: 3 },
  { kind: "parts reordered", operation: "chunk", to: "reversed" },
  { kind: "other axis outermost", operation: "reshape", step: "merge", sizes: [4, 20] },
  { kind: "other slice", from: "even indices" },
  { kind: "slice length", axis: token, from: "end", expected: 8, found: 7 },
  { kind: "resized", axis: token, how: "end cut", expected: 19, found: 17 },
  { kind: "weight", weight: "layers.2.self_attn.q_proj.bias", to: "zeros" },
  { kind: "weight", weight, to: "1 + w" },
  { kind: "weight and number", weight, operation: "+", number: usual(2) },
  { kind: "other weight", weight, found: "layers.4.mlp.gate_proj.weight" },
  { kind: "weight transposed", weight, how: "stored transposed" },
  {
    kind: "rows of siblings",
    weight,
    rows: [{ weight: "layers.3.mlp.up_proj.weight", row: 0 }],
    count: 68,
    bias: "own",
  },
  { kind: "one element", weight, row: 3, column: 5 },
  { kind: "another matrix", weight },
  { kind: "module left out", module: "layers.3.mlp", output: "its input" },
  { kind: "norm applied too", module: "norm" },
  { kind: "expert weights", score: "sigmoid", normalised: true, factor: fitted(2.5), biased: true },
  { kind: "expert choice", score: "softmax", which: "lowest", biased: false },
  { kind: "experts renumbered", by: 1, count: 8 },
  { kind: "rotation", to: "pairs", call: null },
  { kind: "rotation", to: "not applied", call: 2 },
  { kind: "partly rotated", rotated: 6, features: 20, layout: "pairs", respaced: true },
  { kind: "rope base", expected: 12345, found: 1e6 },
  { kind: "rope span", expected: 14, found: 10 },
  { kind: "rope frequencies", theta: 54321, span: 20, rotated: 6, features: 20 },
  { kind: "frequencies scaled", factor: usual(0.125) },
  { kind: "frequencies cut", kept: 3, of: 10 },
  { kind: "tables of", weight: "rotary_emb.sliding_attention_inv_freq" },
  { kind: "rope sections", attribute: "mrope_section", expected: [1, 2, 3], found: [2, 2, 2] },
  { kind: "config field", field: "rope_parameters.factor", expected: 6, found: 8 },
  { kind: "config field", field: "rope_parameters.factor", expected: [1, 2], found: null },
  { kind: "positions", of: "ids", rule: "from 0 in every forward" },
  { kind: "positions", of: "rotation", rule: "padding counted" },
  { kind: "positions shifted", of: "ids", by: -1, never_below_0: true },
  { kind: "positions at most", last: 8 },
  { kind: "position kinds exchanged", kinds: ["height", "width"], media_only: true },
  { kind: "one position kind", which: "time" },
  { kind: "media positions", rule: "one for an image" },
  { kind: "frames apart", by: 2 },
  { kind: "mask rule", expected: rule, found: { ...rule, window: 9, padding: false, shift: -1 } },
  { kind: "whole mask", to: "inverted" },
  { kind: "packing", to: "all as one" },
  { kind: "tokens", to: "one early" },
];

const textOf = (one: Change): string => changeText({ changes: [one], part: null });

test("there is a sample of every kind, and each is a fact of the schema", () => {
  expect(samples.map((one) => changeSchema.safeParse(one).error?.message ?? "")).toEqual(samples.map(() => ""));
  const kinds = changeSchema.options.flatMap(({ shape }) => [...(shape.kind as z.ZodLiteral).values]);
  expect(new Set(samples.map(({ kind }) => kind))).toEqual(new Set(kinds));
});

test("every kind makes a clause: no full stop, no gap, nothing left over from the facts", () => {
  for (const text of samples.map(textOf)) expect(text).not.toMatch(/undefined|null|NaN|\[object|\.$|  |^[A-Z]/);
});

test("the sentences", () => {
  expect(samples.map(textOf).join("\n")).toMatchInlineSnapshot(`
    "\`tanh\` is left out: its input goes on as it is
    a minus sign (\`neg\`) is left out
    the second operand of \`add\` is left out: the other one goes on as it is
    \`mul\` takes 1 + w where its second operand is w
    \`tanh\` is applied twice
    a softmax with a one added to its sum is taken in place of \`softmax\`
    \`le\` is taken in place of \`lt\`
    the activation is GELU (erf) in place of GELU (tanh)
    the activation is ReLU in place of what \`NewGELUActivation\` computes
    the activation is GELU (tanh) with the constants 0.798 and 0.044715 in place of GELU (tanh)
    the module's input goes through SiLU first
    the condition of \`where\` is never true
    the 1 largest are taken (\`topk\`), the reference takes 2
    part 2 of the 3 that \`cat\` joins is left out: minus infinity in its place
    the norm is an RMS norm of each of 6 parts by itself with the weight 1 + w, without eps, in place of an RMS norm with the weight w
    the norm is left out, and its weight with it
    the tensor is rounded to bfloat16
    each operand of \`linear\` is rounded to TF32 (cut off)
    \`layers.3.mlp.gate_proj.weight\` is quantised to 8 bits with a scale for each row
    the number in \`mul\` is 0.223607 (1/sqrt(text_config.head_dim 20)), the reference has 1
    the number in \`div\` and \`mul\` is 0.001000004, the reference has 0.001 (eps)
    the tensor is soft-capped at 50: c tanh(x / c)
    the module's input is clipped from below to at least -7
    the tensor is multiplied by 0.5, then -0.25 is added
    each token is multiplied by a factor of its own (1.02, 0.98, ...)
    \`layers.3.norm:out\` is taken in place of this tensor
    the module reads \`layers.3.norm:out\` in place of its input
    the argument \`hidden_states\` is added once more
    \`layers.3.norm:out\` times 0.4912 is added
    the sum of \`layers.3.norm:out\` and part 1 of the argument \`residual\` is taken in place of this tensor
    the tensor is multiplied by \`layers.3.mlp.gate_proj.weight\`
    the tensor is in reverse order along tokens
    part 2 of operand 1 of \`cat\` is shifted back by 1 along axis 0 (40), with zeros coming in
    the tensor has index 3 of tokens for all
    part 2 of operand 1 of \`cat\` has axis 0 (40) in the order of 4 x 10 transposed
    \`layers.3.mlp.gate_proj.weight\` has the 2 blocks of axis 0 (40) in reverse order
    part 2 of operand 1 of \`cat\` has axis 0 (40) as 2 x 5 blocks in the order of 5 x 2
    \`layers.3.mlp.gate_proj.weight\` has the rows of each of 4 blocks of axis 0 (40) permuted from rotary halves to neighbouring pairs
    the tensor is written with tokens and features (19 x 40) in the other order
    part 2 of operand 1 of \`cat\` has only the first 32 of 40 indices of axis 0 (40): zeros behind
    the argument \`hidden_states\` has only shard 1 of 2 of axis 0 (40): zeros for the others
    the tensor is zero: not written, or left out
    part 2 of operand 1 of \`cat\` is two too high
    the tensor has tokens from other places: 3 from 4, 4 from 3
    part 2 of operand 1 of \`cat\` has its rows in the order 2, 0, 1
    the parts of \`chunk\` are in reverse order
    \`reshape\` merges 4 x 20 with the other axis outermost (interleaved)
    every second element is taken, from the first on, in place of a half
    a slice up to the end holds 7 tokens, the reference's holds 8
    tokens are cut off at the end: 17 in place of 19
    \`layers.2.self_attn.q_proj.bias\` is zero: not loaded, or left out
    1 + w is used, where w is \`layers.3.mlp.gate_proj.weight\`
    \`layers.3.mlp.gate_proj.weight\` has 2 added to it
    \`layers.3.mlp.gate_proj.weight\` is that of \`layers.4.mlp.gate_proj.weight\`
    \`layers.3.mlp.gate_proj.weight\` is read as if it were stored transposed
    the rows of \`layers.3.mlp.gate_proj.weight\` are up_proj[0], ..., with the right bias
    one element of \`layers.3.mlp.gate_proj.weight\`, at [3, 5], has another value
    the module's input goes through another matrix than \`layers.3.mlp.gate_proj.weight\`, one that is in no tensor of the checkpoint
    \`layers.3.mlp\` is left out: its input goes on
    \`norm\` is applied here, too
    experts are weighted by the sigmoid, made to sum to 1, times 2.5, with the bias of the choice in it
    the experts with the lowest values of the softmax over all experts are chosen, without groups
    experts are numbered +1, modulo 8
    neighbouring features are rotated together (interleaved), in place of the two halves
    the rotary embedding is not applied, in the 2nd call only
    only the first 6 of 20 features are rotated, neighbouring features together, with their frequencies spaced over these
    the base of the rotary frequencies (rope_theta) is 1000000, the reference has 12345
    the exponents of the rotary frequencies are spread over 10 features in place of 14
    the rotary frequencies are those of rope_theta 54321 with exponents over 20 features, 6 of 20 features rotated
    the rotary frequencies are multiplied by 0.125
    only the first 3 of 10 rotary frequencies are there, the others are zero
    features are rotated by the tables of \`rotary_emb.sliding_attention_inv_freq\`
    \`mrope_section\` is [2, 2, 2], the reference has [1, 2, 3]
    the config's \`rope_parameters.factor\` is 8, the reference has 6
    the config's \`rope_parameters.factor\` is left out ([1, 2] in the reference)
    positions start at 0 in every forward
    tokens are rotated by positions that count padding, as if there were no attention mask
    positions are 1 too low, but not below 0
    positions stop growing at 8, as the number of cached tokens does
    positions in height and width are exchanged in images and videos
    positions in time are taken for all kinds of positions
    an image takes one position, whatever its size
    frames of a video are 2 positions apart in time
    the mask has a window of 9 keys (a window of 8 keys in the reference), padding that is read and queries taken to be 1 token further back than they are
    the mask is inverted
    all packed sequences (windows, frames, images) attend together as one
    the phase starts one token too early"
  `);
});

test("two changes are joined, and a part is told with its indices", () => {
  const part = [
    { axis: { name: "head", index: 1, size: 4 } as const, ranges: [[3, 3] as [number, number]] },
    {
      axis: { name: null, index: 2, size: 19 } as const,
      ranges: [
        [0, 3],
        [7, 7],
      ] as [number, number][],
    },
  ];
  expect(changeText({ changes: [samples[0]!, samples[1]!], part })).toBe(
    "`tanh` is left out: its input goes on as it is; and a minus sign (`neg`) is left out, only at head 3 of 4 and indices 0 to 3, 7 of axis 2 (19)",
  );
});

test("a number is told with the digits that tell it from the other one", () => {
  const near: Change = { kind: "number", operations: ["mul"], expected: fitted(1), found: fitted(1.00000012) };
  expect(textOf(near)).toBe("the number in `mul` is 1.0000001, the reference has 1");
});

test("source lines, what tells candidates apart, what speaks for one", () => {
  const line = { file: "modeling_x.py", line: 17, text: "x + self.eps" };
  expect(sourceText([line, { ...line, line: 18 }])).toBe(
    "modeling_x.py:17: x + self.eps; modeling_x.py:18: x + self.eps",
  );
  expect([apartText(30), apartText(1 / 1000), apartText(null)]).toEqual([
    "inputs 30 times as large",
    "inputs 1000 times smaller",
    "",
  ]);
  expect([unreadText(["soft_cap"]), unreadText([])]).toEqual(["the engine never reads soft_cap", ""]);
});

test("why a change would not show", () => {
  expect(holeReasonText({ kind: "inputs lack", what: "padding", longest: 6 })).toContain("add a left-padded batch");
  expect(holeReasonText({ kind: "inputs lack", what: "window", longest: 6 })).toContain(
    "the longest input has 6 tokens",
  );
  expect(holeReasonText({ kind: "below rounding", ratio: 2.53 })).toContain("2.5x noise");
  expect(holeReasonText({ kind: "no difference" })).toBe("gives the same numbers on these inputs");
});
