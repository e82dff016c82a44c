import { expect, it } from "vitest";
import { line, medianOf, mediansInTurn, perSecond, spellTime } from "./figures.ts";

it("spells rates and times with their units", () => {
  expect([perSecond(3e9, 1500), perSecond(5e6, 100), spellTime(7.384), spellTime(160.2)]).toEqual([
    "2.00 GB/s",
    "50 MB/s",
    "7.38 ms",
    "160 ms",
  ]);
});

it("writes a figure as one line, value at the right edge of its column", () => {
  expect(line({ section: "spool", what: "batch", value: "1.11 GB/s", from: "36 ms" })).toBe(
    `spool       batch${" ".repeat(44)}1.11 GB/s   36 ms`,
  );
});

it("takes medians in turn, the first round not counted", async () => {
  const order: string[] = [];
  const run = (name: string) => async () => void order.push(name);
  const medians = await mediansInTurn([run("a"), run("b")], 2);
  expect(order.join("")).toBe("ababab");
  expect(medians.every((median) => median >= 0)).toBe(true);
});

it("passes on what a run throws", async () => {
  const failing = () => Promise.reject(new Error("broken"));
  await expect(medianOf(failing, { time: 0, runs: 1 })).rejects.toThrow("broken");
});
