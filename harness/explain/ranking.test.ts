import { expect, test } from "vitest";
import type { Change } from "../verdict/change.ts";
import type { Judged } from "./ranking.ts";
import { rankCounterfactuals, sortCandidates } from "./ranking.ts";

type Phases = Record<string, [agrees: boolean, ratio: number]>;

const twice: Change = { kind: "applied twice", operation: "mul" };
const part = [{ axis: { name: "head", index: 1, size: 4 } as const, ranges: [[0, 0] as [number, number]] }];

function judged(id: string, phases: Phases, facts: Partial<Judged> = {}): Judged {
  const list = Object.entries(phases).map(([phase, [agrees, ratio]]) => ({ phase, agrees, ratio }));
  const plain = { category: "norm", changes: [twice], part: null, fitted: 0, form: false, about: [], sources: [] };
  return { id, ...plain, synonyms: [], apart: null, ...facts, phases: list };
}

const facts = {
  failing: ["prefill", "decode:1"],
  tried: 200,
  ratio: 5000,
  reading: { kind: "relative", relative: 0.2 } as const,
  seconds: 0.5,
};
const here: Phases = { prefill: [true, 1] };

const idsOf = (candidates: readonly { readonly id: string }[]): string[] => candidates.map(({ id }) => id);

test("a change that agrees in every failing phase explains", () => {
  const all = judged("a", { prefill: [true, 0.8], "decode:1": [true, 1.1] });
  const first = judged("b", { prefill: [true, 0.7], "decode:1": [false, 90] });
  const { status, candidates, ratio } = rankCounterfactuals([first, all], facts);
  expect({ status, ratio }).toEqual({ status: "explained", ratio: 5000 });
  expect(candidates).toMatchObject([{ id: "a", ratio: 1.1, phases: ["prefill", "decode:1"], not_in: [] }]);
});

test("a phase where the change can't be made does not speak against it, but the first failing one must agree", () => {
  const without = judged("a", here);
  const onlyLater = judged("b", { "decode:1": [true, 1] });
  expect(idsOf(rankCounterfactuals([without, onlyLater], facts).candidates)).toEqual(["a"]);
});

test("the order is: one change, no fitted numbers, everywhere, a field that is never read, the smaller distance", () => {
  const ranked = rankCounterfactuals(
    [
      judged("pair", { prefill: [true, 0.1] }, { changes: [twice, twice] }),
      judged("fitted", { prefill: [true, 0.2] }, { fitted: 1 }),
      judged("in a part", { prefill: [true, 0.3] }, { part }),
      judged("far", { prefill: [true, 2] }),
      judged("near", { prefill: [true, 0.9] }),
      judged("never read", { prefill: [true, 3] }, { about: ["text_config.soft_cap"] }),
    ],
    { ...facts, unread: ["text_config.soft_cap"] },
  );
  expect(idsOf(ranked.candidates)).toEqual(["never read", "near", "far", "in a part", "fitted"]);
  expect(ranked.candidates[0]!.unread).toEqual(["text_config.soft_cap"]);
  expect(ranked.status).toBe("ambiguous");
});

test("another activation in a module is the one in the function that it calls, unless that needs more assumptions", () => {
  const activation = (expected: "gelu_tanh" | { module: string }): Pick<Judged, "changes"> => ({
    changes: [{ kind: "activation", expected, found: "gelu_erf" }],
  });
  const ofModule = judged("module", here, activation({ module: "GELUTanh" }));
  const ofFunction = judged("function", { prefill: [true, 2] }, activation("gelu_tanh"));
  const { status, candidates } = rankCounterfactuals([ofModule, ofFunction], facts);
  expect({ status, ids: idsOf(candidates) }).toEqual({ status: "explained", ids: ["function"] });
  const synonym = { id: "module", category: "activation", part: null, ...activation({ module: "GELUTanh" }) };
  const [first] = rankCounterfactuals([{ ...ofFunction, synonyms: [synonym] }], facts).candidates;
  expect(first!.synonyms).toEqual([]);
  const inPart = { ...ofFunction, part };
  expect(idsOf(rankCounterfactuals([ofModule, inPart], facts).candidates)).toEqual(["module", "function"]);
});

test("a sum of two terms is one change, and likelier than a number that was only fitted", () => {
  const term = (site: string) => ({ kind: "site" as const, site });
  const combined = (operation: "+" | "x"): Change => ({
    ...{ kind: "terms combined", first: term("norm:out"), second: term("mlp:out"), operation },
  });
  const sum = judged("term/norm:out + mlp:out", here, { category: "residual", changes: [combined("+")] });
  const scaled: Change = { kind: "term added", tensor: term("mlp:out"), factor: { value: 0.8731, name: null } };
  const fitted = judged("term/+0.8731 x mlp:out", { prefill: [true, 0.5] }, { changes: [scaled], fitted: 1 });
  expect(rankCounterfactuals([fitted, sum], facts)).toMatchObject({
    status: "explained",
    candidates: [{ id: sum.id }, { id: fitted.id }],
  });
  const product = judged("term/norm:out x mlp:out", { prefill: [true, 1.2] }, { changes: [combined("x")] });
  expect(idsOf(rankCounterfactuals([product, sum], facts).candidates)).toEqual([sum.id, product.id]);
});

test.each([
  ["one more as simple", [judged("b", here)], ["b"]],
  ["a pair", [judged("b", here, { changes: [twice, twice] })], []],
  ["a fitted one", [judged("b", here, { fitted: 1 })], []],
  ["one in a part", [judged("b", here, { part })], []],
  ["one that the healthy phases contradict", [judged("b", { ...here, full: [false, 70] })], []],
  ["a form of the error", [judged("b", here, { form: true })], []],
] as const)("the status says ambiguous exactly when a report finds rivals: beside %s", (_, others, rivals) => {
  const { status, candidates } = rankCounterfactuals([judged("a", here), ...others], facts);
  const sorted = sortCandidates(candidates);
  expect([sorted.cause?.id, idsOf(sorted.rivals)]).toEqual(["a", rivals]);
  expect(status).toBe(rivals.length > 0 ? "ambiguous" : "explained");
});

test("what assumes more than the cause is no rival of it, but lesser", () => {
  const { candidates } = rankCounterfactuals(
    [judged("a", here), judged("b", here, { part }), judged("c", here, { changes: [twice, twice] })],
    facts,
  );
  expect(idsOf(sortCandidates(candidates).lesser)).toEqual(["b", "c"]);
});

test("a change that the healthy phases contradict holds in the failing ones only", () => {
  const one = judged("a", { prefill: [true, 1], "decode:1": [true, 1], full: [false, 70] });
  expect(rankCounterfactuals([one], facts).candidates[0]).toMatchObject({ not_in: ["full"] });
});

test("a mere form is a pattern without a cause, and is dropped beside a cause", () => {
  const form = judged("p", { prefill: [true, 0.4] }, { form: true });
  const alone = rankCounterfactuals([form], facts);
  expect(alone).toMatchObject({ status: "pattern", reading: facts.reading });
  expect([sortCandidates(alone.candidates).cause, idsOf(sortCandidates(alone.candidates).forms)]).toEqual([
    null,
    ["p"],
  ]);
  const cause = judged("a", here, { part });
  expect(rankCounterfactuals([form, cause], facts)).toMatchObject({ status: "explained", candidates: [{ id: "a" }] });
});

test("nothing that agrees is unexplained", () => {
  expect(rankCounterfactuals([judged("a", { prefill: [false, 60] })], facts)).toMatchObject({
    status: "unexplained",
    reading: { kind: "relative", relative: 0.2 },
    candidates: [],
  });
});
