import { expect, test } from "vitest";
import type { InputFacts, Visibility } from "./power.ts";
import { changeKey, summarisePower, unitePower } from "./power.ts";

const facts: InputFacts = { longest: 6, sequences: 1, padded: false, decodes: false, chunked: false, media: false };

function change(site: string, id: string, ratio: number, more: Partial<Visibility> = {}): Visibility {
  return { site, id, ratio, category: "norm", sentence: id, ...more };
}

test("the same change in two layers is one fault, and the layer that shows it best counts", () => {
  const changes = [
    change("model.layers.0.norm:out", "norm/none", 1),
    change("model.layers.4.norm:out", "norm/none", 900),
  ];
  expect(summarisePower(changes, 4, facts)).toEqual({ seen: 1, total: 1, holes: [] });
});

test("lines of the reference's source are no part of a change's name", () => {
  expect(changeKey(change("a.3:out", "scalar/RMSNorm:166.0/add=0", 1))).toBe("a.*:out scalar/RMSNorm/add=0");
});

test("a hole names what the inputs lack", () => {
  const window = change("layers.0#mask", "mask/w", 0, { category: "mask", sentence: "a window of 9 keys" });
  const padding = change("rotary:out", "position/p", 1.2, {
    category: "positions",
    sentence: "positions count padding",
  });
  const { seen, total, holes } = summarisePower([window, padding], 4, facts);
  expect([seen, total]).toEqual([0, 2]);
  expect(holes.map(({ reason }) => reason)).toEqual([
    "no query reaches the window: the longest input has 6 tokens",
    "no sequence is padded: add a left-padded batch",
  ]);
});

test("a change that moves the site by less than the limit is a hole with its size", () => {
  const [hole] = summarisePower([change("a:out", "x", 2.5)], 4, facts).holes;
  expect(hole!.reason).toContain("2.5x noise");
});

test("cases together see what one of them sees", () => {
  const cases = [[change("a:out", "x", 0), change("a:out", "y", 9)], [change("a:out", "x", 50)]];
  expect(unitePower(cases, 4, facts)).toMatchObject({ seen: 2, total: 2 });
});
