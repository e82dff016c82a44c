import { expect, test } from "vitest";
import type { Judged } from "./ranking.ts";
import { rankCounterfactuals } from "./ranking.ts";

function judged(id: string, phases: Record<string, [boolean, number]>, category = "norm"): Judged {
  const list = Object.entries(phases).map(([phase, [agrees, ratio]]) => ({ phase, agrees, ratio }));
  return { id, category, sentence: id, synonyms: [], source: "", phases: list };
}

const facts = {
  failing: ["prefill", "decode:1"],
  tried: 200,
  ratio: 5000,
  reading: { kind: "relative", relative: 0.2 } as const,
  seconds: 0.5,
};

test("a change that agrees in every failing phase explains", () => {
  const all = judged("a", { prefill: [true, 0.8], "decode:1": [true, 1.1] });
  const first = judged("b", { prefill: [true, 0.7], "decode:1": [false, 90] });
  const { status, candidates, ratio } = rankCounterfactuals([first, all], facts);
  expect({ status, ratio }).toEqual({ status: "explained", ratio: 5000 });
  expect(candidates).toMatchObject([{ id: "a", ratio: 1.1, phases: ["prefill", "decode:1"], not_in: [] }]);
});

test("a phase where the change can't be made does not speak against it, but the first failing one must agree", () => {
  const without = judged("a", { prefill: [true, 1] });
  const onlyLater = judged("b", { "decode:1": [true, 1] });
  expect(rankCounterfactuals([without, onlyLater], facts).candidates.map(({ id }) => id)).toEqual(["a"]);
});

test("two that are equally simple are ambiguous; one that needs less is told first", () => {
  const phases = { prefill: [true, 1] } as Record<string, [boolean, number]>;
  const ranked = rankCounterfactuals([judged("a + b", phases), judged("c", phases), judged("d", phases)], facts);
  expect(ranked.status).toBe("ambiguous");
  expect(ranked.candidates.map(({ id }) => id)).toEqual(["c", "d", "a + b"]);
  expect(rankCounterfactuals([judged("a [x]", phases), judged("c", phases)], facts).status).toBe("explained");
});

test("a change that the healthy phases contradict holds in the failing ones only", () => {
  const one = judged("a", { prefill: [true, 1], "decode:1": [true, 1], full: [false, 70] });
  expect(rankCounterfactuals([one], facts).candidates[0]).toMatchObject({ not_in: ["full"] });
});

test("a mere description is a pattern, and is dropped beside a cause", () => {
  const pattern = judged("p", { prefill: [true, 0.4] }, "pattern");
  expect(rankCounterfactuals([pattern], facts).status).toBe("pattern");
  const cause = judged("a [x]", { prefill: [true, 1] });
  expect(rankCounterfactuals([pattern, cause], facts)).toMatchObject({
    status: "explained",
    candidates: [{ id: "a [x]" }],
  });
});

test("of two that are equally simple the one that names a field the engine never reads comes first, and says so", () => {
  const phases = { prefill: [true, 1] } as Record<string, [boolean, number]>;
  const named = { ...judged("d", phases), sentence: "the number is 30, the reference has 2.5 (text.soft_cap)" };
  const { candidates } = rankCounterfactuals([judged("c", phases), named], { ...facts, unread: ["text.soft_cap"] });
  expect(candidates).toMatchObject([{ id: "d", evidence: "the engine never reads text.soft_cap" }, { id: "c" }]);
});

test("a number with a name is likelier than one that was only fitted", () => {
  const phases = { prefill: [true, 1] } as Record<string, [boolean, number]>;
  const fitted = judged("scalar/x/div=0.8731~", { prefill: [true, 0.5] });
  expect(rankCounterfactuals([fitted, judged("scalar/x/mul=0.2673", phases)], facts)).toMatchObject({
    status: "explained",
    candidates: [{ id: "scalar/x/mul=0.2673" }, { id: "scalar/x/div=0.8731~" }],
  });
});

test("nothing that agrees is unexplained", () => {
  expect(rankCounterfactuals([judged("a", { prefill: [false, 60] })], facts)).toMatchObject({
    status: "unexplained",
    reading: { kind: "relative", relative: 0.2 },
    candidates: [],
  });
});
