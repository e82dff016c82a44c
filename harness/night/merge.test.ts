import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { journalPath } from "./history/index-file.ts";
import { readJournal } from "./history/journal.ts";
import { testNight } from "./history/test-lines.ts";
import type { ShardFile } from "./merge.ts";
import { joinShards, mergeShards, titleOf } from "./merge.ts";
import { UsageError } from "../trace/errors.ts";
import { testFolder } from "../trace/test-folder.ts";

const all = testNight(
  "2026-11-26",
  ["a/a", "b/b", "c/c"].map((name) => ({ case: name, key: name.slice(2), seconds: 2 })),
);
const plan = all.results.map(titleOf);

/** The share of a machine that ran these places of the plan. */
function shard(index: number, places: readonly number[], changes: Partial<ShardFile> = {}): ShardFile {
  const results = places.map((place) => all.results[place]!);
  const night = { ...all.night, results: results.length, seconds: 2 * results.length };
  return { shard: { index, count: 2 }, plan, night, results, verdicts: {}, ...changes };
}

describe("shards", () => {
  it("are one night, in the order of the plan, whichever comes first", () => {
    const { night, results } = joinShards([shard(2, [1]), shard(1, [2, 0])]);
    expect(results).toEqual(all.results);
    expect(night).toEqual({ ...all.night, seconds: 6 });
  });

  const [one, two] = [shard(1, [0, 2]), shard(2, [1])];
  const other = (changes: Partial<ShardFile["night"]>) => shard(2, [1], { night: { ...two.night, ...changes } });
  it.each([
    ["one is missing", [one], "expected shards 1, 2, found 1"],
    ["one is there twice", [one, one], "expected shards 1, 2, found 1, 1"],
    ["a job is in none", [shard(1, [0]), two], "expected every job in a shard, found none for c/c"],
    ["a job is in two", [one, shard(2, [1, 2])], "expected each job in one shard, found c/c"],
    [
      "the commits differ",
      [one, other({ commit: { id: "beef", dirty: false } })],
      "expected commit 0123456789abcdef as in shard 1, found beef in shard 2/2",
    ],
    [
      "lockstep differs",
      [one, other({ harness: "0.2.0+b" })],
      "expected lockstep 0.1.0+aaaa as in shard 1, found 0.2.0+b in shard 2/2",
    ],
    ["the options differ", [one, other({ scope: "t" })], "expected options s as in shard 1, found t in shard 2/2"],
    [
      "the plans differ",
      [one, shard(2, [1], { plan: plan.slice(1) })],
      "expected the same jobs in all of them, found others in shard 2/2",
    ],
  ])("are refused when %s", (_, shards, message) => {
    expect(() => joinShards(shards)).toThrow(`these are not the shards of one night: ${message}`);
  });
});

describe("merging", () => {
  let folder = "";
  beforeEach(() => {
    folder = testFolder();
  });

  function files(): string[] {
    return [shard(1, [0, 2]), shard(2, [1])].map((content, place) => {
      const file = join(folder, `${place}.json`);
      writeFileSync(file, JSON.stringify(content));
      return file;
    });
  }

  it("appends the night, and a second time under another name", () => {
    expect(mergeShards(folder, files(), undefined)).toBe("2026-11-26");
    expect(readJournal(journalPath(folder)).nights[0]!.results).toEqual(all.results);
    expect(mergeShards(folder, files(), undefined)).toBe("2026-11-26.2");
    expect(() => mergeShards(folder, files(), "2026-11-26")).toThrow(/has a night 2026-11-26 already/);
  });

  it.each([
    ["a key of a result", { results: [{ ...all.results[1]!, key: "../../escaped" }] }],
    ["a key of a result, absolute", { results: [{ ...all.results[1]!, key: "/elsewhere/escaped" }] }],
    ["a key of a verdict", { verdicts: { "../../escaped": {} } }],
    ["its night", { night: { ...all.night, results: 1, night: "../escaped" } }],
    ["a night of a result", { results: [{ ...all.results[1]!, night: "../escaped" }] }],
    ["its time", { night: { ...all.night, results: 1, started: "../escaped" } }],
  ])("writes nothing when a path stands as %s", (_, changes) => {
    const nights = join(folder, "deep", "nights");
    const file = join(folder, "evil.json");
    writeFileSync(file, JSON.stringify({ ...shard(2, [1]), ...changes }));
    expect(() => mergeShards(nights, [files()[0]!, file], undefined)).toThrow(UsageError);
    expect(readdirSync(folder).toSorted()).toEqual(["0.json", "1.json", "evil.json"]);
  });

  it("refuses a path as the name of the night", () => {
    expect(() => mergeShards(folder, files(), "../x")).toThrow(/^--night: expected a name of letters/);
  });

  it("writes nothing when a file is no shard", () => {
    writeFileSync(join(folder, "x.json"), "{}");
    expect(() => mergeShards(folder, [join(folder, "x.json")], undefined)).toThrow(
      /x\.json: expected what lockstep nightly --shard writes; shard/,
    );
    expect(() => readFileSync(journalPath(folder))).toThrow();
  });
});
