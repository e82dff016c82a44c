import { expect, test } from "vitest";
import { groupHoles } from "./holes.ts";

const hole = (category: string, site: string, sentence = "wrong eps") => ({
  category,
  site,
  sentence,
  reason: "small",
});

test("the same fault of many places is one entry, by reason; the largest category comes first", () => {
  const groups = groupHoles([
    hole("mask", "model.layers.2#mask", "window of 8"),
    hole("norm", "model.layers.0.norm:out"),
    hole("norm", "model.layers.3.norm:out"),
    hole("norm", "model.norm:out"),
    { ...hole("norm", "model.layers.4.norm:out"), reason: "large" },
    hole("norm", "model.norm:out", "wrong sign"),
  ]);
  const alone = (kind: string) => [{ reason: "small", places: [{ kind, layers: [] }] }];
  const eps = [
    {
      reason: "small",
      places: [
        { kind: "model.layers.*.norm:out", layers: [0, 3] },
        { kind: "model.norm:out", layers: [] },
      ],
    },
    { reason: "large", places: [{ kind: "model.layers.4.norm:out", layers: [] }] },
  ];
  expect(groups).toEqual([
    {
      category: "norm",
      count: 5,
      entries: [
        { sentence: "wrong eps", reasons: eps },
        { sentence: "wrong sign", reasons: alone("model.norm:out") },
      ],
    },
    { category: "mask", count: 1, entries: [{ sentence: "window of 8", reasons: alone("model.layers.2#mask") }] },
  ]);
});
