import { expect, it } from "vitest";
import { sayDifferences } from "./worker.ts";

const night = { engine: { typescript: "0.1.0", sources: "a" }, reference: { torch: "2.13.0" } };

it("a worker says which version is not the night's", () => {
  const found = { engine: { typescript: "0.1.0", sources: "b" }, reference: { torch: "2.13.0", python: "3.12" } };
  expect(sayDifferences(night, found)).toBe(
    "engine: sources a expected, b found, reference: python none expected, 3.12 found",
  );
});

it("where no version differs the case does", () => {
  expect(sayDifferences(night, night)).toBe("another config, inputs, phases or fault of this case");
});
