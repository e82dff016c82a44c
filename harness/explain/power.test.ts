import { expect, test } from "vitest";
import type { InputFacts, Visibility } from "./power.ts";
import { summarisePower, unitePower } from "./power.ts";

const facts: InputFacts = { longest: 6, sequences: 1, padded: false, decodes: false, chunked: false, media: false };

function change(site: string, id: string, ratio: number, needs: Visibility["needs"] = []): Visibility {
  const changes: Visibility["changes"] = [{ kind: "applied twice", operation: id }];
  return { site, id, ratio, category: "norm", changes, part: null, needs };
}

const reasonsOf = (changes: readonly Visibility[], inputs: InputFacts = facts) =>
  summarisePower(changes, 4, inputs).holes.map(({ reason }) => reason);

test("the same change in two layers is one fault, and the layer that shows it best counts", () => {
  const changes = [
    change("model.layers.0.norm:out", "norm/none", 1),
    change("model.layers.4.norm:out", "norm/none", 900),
  ];
  expect(summarisePower(changes, 4, facts)).toEqual({ seen: 1, total: 1, holes: [] });
});

test("a hole keeps the facts of its change, and says what the inputs lack", () => {
  const window = change("layers.0#mask", "mask/w", 0, ["window"]);
  const padding = change("rotary:out", "position/p", 1.2, ["padding"]);
  const { seen, total, holes } = summarisePower([window, padding], 4, facts);
  expect([seen, total]).toEqual([0, 2]);
  expect(holes[0]).toEqual({
    ...{ site: "layers.0#mask", id: "mask/w", category: "norm", changes: window.changes, part: null },
    reason: { kind: "inputs lack", what: "window", longest: 6 },
  });
  expect(holes[1]!.reason).toEqual({ kind: "inputs lack", what: "padding", longest: 6 });
});

test("what the inputs have is no reason", () => {
  const all = [change("a:out", "x", 0, ["padding", "second sequence"]), change("b:out", "y", 0, ["cache", "media"])];
  const rich = { ...facts, padded: true, chunked: true };
  expect(reasonsOf(all, rich)).toMatchObject([{ what: "second sequence" }, { what: "media" }]);
  expect(reasonsOf(all, { ...rich, sequences: 2, media: true })).toEqual([
    { kind: "no difference" },
    { kind: "no difference" },
  ]);
});

test("a change that moves the site by less than the limit is a hole with its size, whatever the inputs lack", () => {
  expect(reasonsOf([change("a:out", "x", 2.5, ["padding"])])).toEqual([{ kind: "below rounding", ratio: 2.5 }]);
});

test("cases together see what one of them sees", () => {
  const cases = [[change("a:out", "x", 0), change("a:out", "y", 9)], [change("a:out", "x", 50)]];
  expect(unitePower(cases, 4, facts)).toMatchObject({ seen: 2, total: 2 });
});
