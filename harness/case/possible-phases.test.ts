import { describe, expect, it } from "vitest";
import { planPhases } from "./case.ts";
import { possiblePhases } from "./possible-phases.ts";

const phases = [
  ...planPhases({ chunks: [4], decode: 1, turn: 2, reuse: 3, full: false }),
  { name: "decode:2", start: 7, end: 8, cache: true },
  { name: "full", start: 0, end: 8, cache: false },
];
const names = (all: Iterable<{ name: string }>): string[] => [...all].map(({ name }) => name);

describe("possiblePhases", () => {
  it("are all phases of an engine that can do everything", () => {
    const { possible, impossible } = possiblePhases(phases, { cache: true, fork: true });
    expect([possible, impossible.size]).toEqual([phases, 0]);
  });

  it("without fork leave out a reuse, and what continues it", () => {
    const { possible, impossible } = possiblePhases(phases, { cache: true, fork: false });
    expect(names(possible)).toEqual(["prefill", "decode:1", "turn:2", "full"]);
    expect(Object.fromEntries(impossible)).toEqual({
      "reuse:1": { kind: "phase impossible", lacks: "fork", before: "prefill" },
      "decode:2": { kind: "phase impossible", lacks: "an earlier phase", before: "reuse:1" },
    });
  });

  it("without cache are those that begin at token 0", () => {
    const { possible, impossible } = possiblePhases(phases, { cache: false, fork: false });
    expect(names(possible)).toEqual(["prefill", "full"]);
    expect(new Set([...impossible.values()].map((why) => JSON.stringify(why))).size).toBe(1);
  });
});
