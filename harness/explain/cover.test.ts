import { expect, test } from "vitest";
import { coverHoles } from "./cover.ts";

test("what closes most comes first, and what adds nothing is left out", () => {
  const options = [
    { title: "padding", closes: new Set(["a", "b"]) },
    { title: "padding and decode", closes: new Set(["a", "b", "c"]) },
    { title: "longer", closes: new Set(["d"]) },
  ];
  expect(coverHoles(options)).toEqual([
    { title: "padding and decode", adds: 3 },
    { title: "longer", adds: 1 },
  ]);
});

test("nothing that helps is an empty list", () => {
  expect(coverHoles([{ title: "longer", closes: new Set() }])).toEqual([]);
});
