import { expect, test } from "vitest";
import { groupHoles } from "./holes.ts";

const hole = (category: string, site: string, sentence = "wrong eps") => ({
  category,
  site,
  sentence,
  reason: "small",
});

test("the same fault of many layers is one entry, the largest category comes first", () => {
  const groups = groupHoles([
    hole("mask", "model.layers.2#mask", "window of 8"),
    hole("norm", "model.layers.0.norm:out"),
    hole("norm", "model.layers.3.norm:out"),
    hole("norm", "model.norm:out"),
    hole("norm", "model.norm:out", "wrong sign"),
  ]);
  expect(groups).toEqual([
    {
      category: "norm",
      count: 4,
      entries: [
        {
          sentence: "wrong eps",
          reason: "small",
          places: [
            { kind: "model.layers.*.norm:out", layers: [0, 3] },
            { kind: "model.norm:out", layers: [] },
          ],
        },
        { sentence: "wrong sign", reason: "small", places: [{ kind: "model.norm:out", layers: [] }] },
      ],
    },
    {
      category: "mask",
      count: 1,
      entries: [{ sentence: "window of 8", reason: "small", places: [{ kind: "model.layers.2#mask", layers: [] }] }],
    },
  ]);
});
