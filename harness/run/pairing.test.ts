import { describe, expect, it } from "vitest";
import type { TapBatch, TapStream } from "../engine/process.ts";
import { float32Tensor, toNumbers } from "../trace/tensor.ts";
import type { Group } from "./pairing.ts";
import { mergeTaps } from "./pairing.ts";

type Sites = readonly string[];

function batch(sites: Sites, value = 0, phase = "prefill"): TapBatch {
  return { phase, taps: sites.map((site) => ({ site, tensor: float32Tensor(Float32Array.of(value), [1]) })) };
}

/** A stream of batches that keeps a log: how many were taken, and whether it was left before its end. */
function stream(batches: readonly TapBatch[], log = { taken: 0, cancelled: false }): TapStream {
  return (async function* () {
    let finished = false;
    try {
      for (const one of batches) {
        await Promise.resolve();
        log.taken++;
        yield one;
      }
      finished = true;
      return { run: "r", batches: batches.length, taps: 0 };
    } finally {
      log.cancelled = !finished;
    }
  })();
}

async function* broken(message: string): TapStream {
  yield batch(["a"]);
  throw new Error(message);
}

/** Merges and collects the groups that were completed. */
async function merge(streams: Parameters<typeof mergeTaps>[0]) {
  const groups: Group[] = [];
  const incomplete = await mergeTaps(streams, (group) => {
    groups.push(group);
    return "go on";
  });
  return { groups, incomplete };
}

/** A batch for each of so many layers. */
const numbered = (count: number, prefix = "s"): TapBatch[] =>
  Array.from({ length: count }, (_, index) => batch([`${prefix}.${index}:out`]));

/** A batch for each of `parts` modules in each of `count` layers. */
const inParts = (count: number, parts: number): TapBatch[] =>
  Array.from({ length: count * parts }, (_, index) => batch([`s.${Math.floor(index / parts)}.m${index % parts}:out`]));
const whole = (count: number, parts: number): TapBatch[] =>
  Array.from({ length: count }, (_, layer) =>
    batch(Array.from({ length: parts }, (__, part) => `s.${layer}.m${part}:out`)),
  );

describe("a group", () => {
  it("is complete when every side has sent the site, with each side's own tensor", async () => {
    const { groups, incomplete } = await merge({
      engine: stream([batch(["a"], 1)]),
      reference: stream([batch(["a"], 2)]),
      oracle: stream([batch(["a"], 3)]),
    });
    const values = Object.entries(groups[0]!.sides).map(([side, tensor]) => [side, [...toNumbers(tensor)]]);
    expect(Object.fromEntries(values)).toEqual({ engine: [1], reference: [2], oracle: [3] });
    expect(incomplete).toEqual([]);
  });

  it("has its place in the reference's execution order, not in the engine's", async () => {
    const { groups } = await merge({
      engine: stream([batch(["c", "b", "a"])]),
      reference: stream([batch(["a", "b", "c"])]),
    });
    expect(groups.map(({ site, order }) => [site, order]).toSorted()).toEqual([
      ["a", 0],
      ["b", 1],
      ["c", 2],
    ]);
  });

  it("has its place in the engine's order where there is no reference", async () => {
    const { groups } = await merge({ engine: stream([batch(["b", "a"])]) });
    expect(groups.map(({ site, order }) => [site, order])).toEqual([
      ["b", 0],
      ["a", 1],
    ]);
  });

  it("is found whatever batches the sides cut their sites into", async () => {
    const sites = Array.from({ length: 9 }, (_, index) => `s${index}`);
    const { groups } = await merge({
      engine: stream([batch(sites.slice(0, 1)), batch(sites.slice(1, 7)), batch(sites.slice(7))]),
      reference: stream([batch(sites)]),
    });
    expect(groups.map(({ site }) => site)).toEqual(sites);
  });

  it("is found when one side cuts each layer into many batches, or all layers into one", async () => {
    const all = [batch(whole(40, 6).flatMap(({ taps }) => taps.map(({ site }) => site)))];
    for (const reference of [inParts(40, 6), all]) {
      const { groups, incomplete } = await merge({ reference: stream(reference), engine: stream(whole(40, 6)) });
      expect(groups).toHaveLength(240);
      expect(incomplete).toEqual([]);
    }
  });

  it("is found when a side that sends module by module is waited for by one that replays whole layers of it", async () => {
    const log = { taken: 0, cancelled: false };
    const replay = (async function* () {
      for (const [layer, one] of whole(40, 30).entries()) {
        while (log.taken < (layer + 1) * 30) await new Promise((resume) => setImmediate(resume));
        yield one;
      }
      return { run: "r", batches: 40, taps: 1200 };
    })();
    const { groups } = await merge({ localReference: replay, engine: stream(inParts(40, 30), log) });
    expect(groups).toHaveLength(1200);
  });

  it("is found where one side's batches are a fraction of another's, in a phase that the other has left", async () => {
    const sites = Array.from({ length: 80 }, (_, index) => `s${index}`);
    const [large, small] = [10, 1].map((size) => [
      ...Array.from({ length: sites.length / size }, (_, n) =>
        batch(sites.slice(n * size, (n + 1) * size), 0, "chunk:0"),
      ),
      ...Array.from({ length: 20 }, (_, n) => batch([`s${n}`], 0, "decode:1")),
    ]);
    const { groups, incomplete } = await merge({ engine: stream(large!), reference: stream(small!) });
    expect(incomplete).toEqual([]);
    expect(groups).toHaveLength(100);
  });

  it("is of one phase: the same site in two phases is two groups", async () => {
    const side = () => stream([batch(["a"], 0, "prefill"), batch(["a"], 0, "decode:1")]);
    const { groups } = await merge({ engine: side(), reference: side() });
    expect(groups.map(({ phase }) => phase)).toEqual(["prefill", "decode:1"]);
  });
});

describe("what is left", () => {
  it("are the sites that one side lacks, with the sides that have them", async () => {
    const { groups, incomplete } = await merge({
      engine: stream([batch(["a", "only-engine"])]),
      reference: stream([batch(["a", "only-reference"])]),
    });
    expect(groups.map(({ site }) => site)).toEqual(["a"]);
    expect(incomplete.map(({ site, sides }) => [site, sides]).toSorted()).toEqual([
      ["only-engine", ["engine"]],
      ["only-reference", ["reference"]],
    ]);
  });

  it("are both sites of a pair whose names differ: nothing is paired by position", async () => {
    const { groups, incomplete } = await merge({ engine: stream([batch(["x"])]), reference: stream([batch(["y"])]) });
    expect([groups, incomplete.map(({ site }) => site).toSorted()]).toEqual([[], ["x", "y"]]);
  });

  it("is everything of the longer side when the other ends at once", async () => {
    const { incomplete } = await merge({ engine: stream([]), reference: stream(numbered(100)) });
    expect(incomplete).toHaveLength(100);
  });

  it("is counted also when the sites came very far apart", async () => {
    const side = (front: Sites, back: Sites) => stream([batch(front), ...numbered(200), batch(back)]);
    const { groups, incomplete } = await merge({ engine: side(["far"], []), reference: side([], ["far"]) });
    expect(groups).toHaveLength(200);
    expect(incomplete.map(({ site, sides }) => [site, sides.toSorted()])).toEqual([["far", ["engine", "reference"]]]);
  });
});

describe("memory", () => {
  it("a side that is fast waits for the slow one", async () => {
    const log = { taken: 0, cancelled: false };
    let ahead = 0;
    const slow = async function* (): TapStream {
      for (let index = 0; index < 100; index++) {
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
        ahead = Math.max(ahead, log.taken - index);
        yield batch([`s.${index}:out`]);
      }
      return { run: "r", batches: 0, taps: 0 };
    };
    const { groups } = await merge({ engine: stream(numbered(100), log), reference: slow() });
    expect(groups).toHaveLength(100);
    expect(ahead).toBeLessThan(16);
  });
});

describe("the end", () => {
  it("is asked for by an answer of stop: every stream is cancelled", async () => {
    const logs = [0, 1].map(() => ({ taken: 0, cancelled: false }));
    await mergeTaps({ engine: stream(numbered(50), logs[0]), reference: stream(numbered(50), logs[1]) }, ({ site }) =>
      site === "s.3:out" ? "stop" : "go on",
    );
    for (const log of logs) {
      expect(log.cancelled).toBe(true);
      expect(log.taken).toBeLessThan(20);
    }
  });

  it("comes with the error of a stream that breaks, and the other is cancelled", async () => {
    const log = { taken: 0, cancelled: false };
    const merging = merge({ engine: broken("the engine died"), reference: stream(numbered(50), log) });
    await expect(merging).rejects.toThrow("the engine died");
    expect(log.cancelled).toBe(true);
  });

  it("comes with an error of whoever judges", async () => {
    const merging = mergeTaps({ engine: stream(numbered(3)) }, () => {
      throw new Error("a judge's mistake");
    });
    await expect(merging).rejects.toThrow("a judge's mistake");
  });
});
