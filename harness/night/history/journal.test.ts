import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { appendNight, mendJournal, readJournal, scanJournal } from "./journal.ts";
import { testNight } from "./test-lines.ts";
import { testFolder } from "../../trace/test-folder.ts";

let folder = "";
let file = "";
beforeEach(() => {
  folder = testFolder();
  file = join(folder, "history.jsonl");
});

const first = testNight("n1", [{ key: "a" }, { key: "b" }]);
const second = testNight("n2", [{ key: "c" }]);

describe("a journal", () => {
  it("gives back the nights that were appended, in order", () => {
    appendNight(file, first);
    appendNight(file, second);
    expect(readJournal(file)).toEqual({ nights: [first, second], end: readFileSync(file).length, torn: 0 });
  });

  it("is empty where there is no file", () => {
    expect(readJournal(file)).toEqual({ nights: [], end: 0, torn: 0 });
  });

  it("that was cut anywhere in its last night is mended to the nights before, and takes the night again", () => {
    appendNight(file, first);
    const whole = readFileSync(file);
    appendNight(file, second);
    const both = readFileSync(file);
    for (let cut = whole.length + 1; cut < both.length; cut++) {
      writeFileSync(file, both.subarray(0, cut));
      expect(readJournal(file).nights).toEqual([first]);
      expect(mendJournal(file)).toBe(cut - whole.length);
      expect(readFileSync(file)).toEqual(whole);
    }
    appendFileSync(file, '{"kind":"resu');
    appendNight(file, second);
    expect(readFileSync(file)).toEqual(both);
  });

  it("that is whole is not touched", () => {
    appendNight(file, first);
    expect(mendJournal(file)).toBe(0);
  });

  it("with a line that nobody wrote before a closed night is refused: that is no crash", () => {
    appendNight(file, first);
    writeFileSync(file, `what\n${readFileSync(file, "utf8")}`);
    expect(() => readJournal(file)).toThrow(
      /history\.jsonl is not a history: line 1: expected JSON; take the file from a backup/,
    );
  });

  it("whose night lost a result is refused", () => {
    appendNight(file, first);
    const lines = readFileSync(file, "utf8").split("\n");
    writeFileSync(file, lines.slice(1).join("\n"));
    expect(() => readJournal(file)).toThrow("line 2: night n1 closes 2 results, found 1, 0 of another night");
  });

  it("does not take another night's results for its own", () => {
    const text = [...first.results, { ...first.night, night: "n9" }]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join("");
    expect(() => scanJournal(Buffer.from(text), "x")).toThrow(/found 2, 2 of another night/);
  });
});
