import { appendFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { journalPath, openHistory } from "./index-file.ts";
import { appendNight } from "./journal.ts";
import { testNight, testResult } from "./test-lines.ts";
import { testFolder } from "../../trace/test-folder.ts";

let folder = "";
beforeEach(() => void (folder = testFolder()));

const nights = [
  testNight("n1", [{ key: "a", seconds: 3 }]),
  testNight("n2", [{ key: "b", status: "fail", met: false }]),
  testNight("n3", [{ key: "c", measured: "n1", seconds: 9 }]),
];
const append = (...places: number[]): void =>
  places.forEach((place) => appendNight(journalPath(folder), nights[place]!));

function names(): string[] {
  using history = openHistory(folder);
  return history.nights().map(({ night }) => night);
}

describe("the index", () => {
  it("follows the journal as it grows", () => {
    expect(names()).toEqual([]);
    append(0);
    expect(names()).toEqual(["n1"]);
    append(1, 2);
    expect(names()).toEqual(["n1", "n2", "n3"]);
  });

  it("is made again when it is missing", () => {
    append(0, 1);
    names();
    rmSync(join(folder, "history.sqlite"));
    expect(names()).toEqual(["n1", "n2"]);
  });

  it("is made again when it is broken", () => {
    append(0, 1);
    names();
    writeFileSync(join(folder, "history.sqlite"), "not a database, but long enough to be taken for one".repeat(100));
    expect(names()).toEqual(["n1", "n2"]);
  });

  it("is made again when the journal is another one", () => {
    append(0, 1);
    names();
    writeFileSync(journalPath(folder), readFileSync(journalPath(folder), "utf8").replaceAll("n1", "m1"));
    expect(names()).toEqual(["m1", "n2"]);
  });

  it("is made again when the journal was cut", () => {
    append(0);
    const { length } = readFileSync(journalPath(folder));
    append(1);
    names();
    truncateSync(journalPath(folder), length);
    expect(names()).toEqual(["n1"]);
  });

  it("passes over a torn end and leaves it to who writes", () => {
    append(0);
    appendFileSync(journalPath(folder), '{"kind":"result","nig');
    expect(names()).toEqual(["n1"]);
    append(1);
    expect(names()).toEqual(["n1", "n2"]);
  });

  it("makes no folder for a question", () => {
    const nowhere = join(folder, "nowhere");
    using history = openHistory(nowhere);
    expect([history.nights(), existsSync(nowhere)]).toEqual([[], false]);
  });
});

describe("a history", () => {
  it("knows a night's results, and the last green night before it of the same scope", () => {
    append(0, 1, 2);
    appendNight(journalPath(folder), testNight("other", [{}], { scope: "t" }));
    using history = openHistory(folder);
    expect(history.results("n2")).toEqual(nights[1]!.results);
    expect(history.lastGreen(nights[2]!.night)).toEqual(nights[0]!.night);
    expect(history.lastGreen(nights[0]!.night)).toBeNull();
    expect(history.lastGreen({ ...nights[2]!.night, night: "to come" })).toEqual(nights[2]!.night);
  });

  it("knows the earlier results of a series that passed and were measured then, the latest first", () => {
    append(0, 1, 2);
    appendNight(journalPath(folder), testNight("n4", [{ key: "d" }, { key: "e", dtype: "bfloat16" }]));
    using history = openHistory(folder);
    const keys = (night: string, count = 10) => history.earlier(testResult({ night }), count).map(({ key }) => key);
    expect([keys("to come"), keys("n4"), keys("to come", 1)]).toEqual([["d", "a"], ["a"], ["d"]]);
  });

  it("knows how long a case took when it was last measured", () => {
    append(0, 2);
    using history = openHistory(folder);
    const job = { case: "llama/chunked", engine: "typescript", dtype: "float32", seed: 0, role: "pinned" };
    expect([history.seconds(job), history.seconds({ ...job, role: "newest" })]).toEqual([3, null]);
  });
});
