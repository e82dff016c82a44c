import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { isUsable, openStore } from "./store.ts";
import { testResult } from "./test-lines.ts";
import { testFolder } from "../../trace/test-folder.ts";

let folder = "";
beforeEach(() => void (folder = testFolder()));

describe("a store", () => {
  it("gives back what was put, and leaves nothing half written", () => {
    const store = openStore(folder);
    expect(store.get("k1")).toBeNull();
    store.put({ record: testResult(), verdict: null });
    expect(store.get("k1")).toEqual(testResult());
    expect(readdirSync(join(folder, "results"))).toEqual(["k1.json"]);
  });

  it("has no result where the file is cut off or another key's", () => {
    const store = openStore(folder);
    store.put({ record: testResult(), verdict: null });
    writeFileSync(join(folder, "results", "k1.json"), '{"kind": "res');
    writeFileSync(join(folder, "results", "k2.json"), JSON.stringify(testResult()));
    expect([store.get("k1"), store.get("k2")]).toEqual([null, null]);
  });
});

describe("a stored result", () => {
  const broken = (kind: "environment" | "engine", night: string) =>
    testResult({ night, status: "error", met: false, error: { kind, message: "m" } });

  it.each([
    ["of an earlier night", testResult({ night: "n1" }), { night: "n2", fresh: false }, true],
    [
      "of an earlier night, when all is measured again",
      testResult({ night: "n1" }),
      { night: "n2", fresh: true },
      false,
    ],
    ["of this night, when all is measured again", testResult({ night: "n2" }), { night: "n2", fresh: true }, true],
    ["that failed", testResult({ night: "n1", status: "fail", met: false }), { night: "n2", fresh: false }, true],
    ["of an engine that broke this night", broken("engine", "n2"), { night: "n2", fresh: false }, true],
    ["of an engine that broke another night", broken("engine", "n1"), { night: "n2", fresh: false }, false],
    ["of a machine that lacked something", broken("environment", "n2"), { night: "n2", fresh: false }, false],
  ])("%s", (_, record, night, usable) => {
    expect(isUsable(record, night)).toBe(usable);
  });
});
