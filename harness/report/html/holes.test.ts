import { expect, test } from "vitest";
import { groupHoles } from "./holes.ts";

const hole = (category: string, site: string, operation = "mul", ratio = 1) => ({
  id: operation,
  category,
  site,
  changes: [{ kind: "applied twice" as const, operation }],
  part: null,
  reason: { kind: "below rounding" as const, ratio },
});
const small = "moves the site by 1.0x noise only: below rounding, or the mathematics hides it";

test("the same fault of many places is one entry, by reason; the largest category comes first", () => {
  const groups = groupHoles([
    hole("mask", "model.layers.2#mask", "lt"),
    hole("norm", "model.layers.0.norm:out"),
    hole("norm", "model.layers.3.norm:out"),
    hole("norm", "model.norm:out"),
    hole("norm", "model.layers.4.norm:out", "mul", 3),
    hole("norm", "model.norm:out", "neg"),
  ]);
  const alone = (kind: string) => [{ reason: small, places: [{ kind, layers: [] }] }];
  const eps = [
    {
      reason: small,
      places: [
        { kind: "model.layers.*.norm:out", layers: [0, 3] },
        { kind: "model.norm:out", layers: [] },
      ],
    },
    { reason: small.replace("1.0x", "3.0x"), places: [{ kind: "model.layers.4.norm:out", layers: [] }] },
  ];
  expect(groups).toEqual([
    {
      category: "norm",
      count: 5,
      entries: [
        { sentence: "`mul` is applied twice", reasons: eps },
        { sentence: "`neg` is applied twice", reasons: alone("model.norm:out") },
      ],
    },
    {
      category: "mask",
      count: 1,
      entries: [{ sentence: "`lt` is applied twice", reasons: alone("model.layers.2#mask") }],
    },
  ]);
});
