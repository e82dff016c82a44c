import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../trace/errors.ts";
import type { Golden } from "./format.ts";
import { goldenPath, hashConfig, readGolden, writeGolden } from "./format.ts";

fc.configureGlobal({ seed: 1 });

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lockstep-test-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const golden: Golden = {
  golden: 1,
  case: "tiny/text",
  seed: 0,
  dtype: "float32",
  reference: { name: "reference", version: "1", versions: {} },
  generator: 1,
  checksums: { config: "c", weights: "w", inputs: "i" },
  tensors: [
    ["a.weight", [2, 3]],
    ["b", []],
  ],
  sites: [
    { site: "a:out", phase: "prefill", shape: [2], dtype: "F32", rms: 1.5, max: 2, noise: 1e-7, projection: "AAA=" },
    { site: "logits", phase: "prefill", shape: [2], dtype: "I64", checksum: "0123" },
  ],
};

/** The refusal to read `text` as the golden of a/b. */
function refusal(text: string | null): string {
  const file = goldenPath(folder, "a/b");
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true });
  if (text !== null) writeFileSync(file, text);
  try {
    readGolden(folder, "a/b");
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message.replaceAll(folder, "GOLDEN");
  }
  throw new Error("expected the golden to be refused");
}

describe("a golden", () => {
  it("comes back as it was written", () => {
    writeGolden(folder, golden);
    expect(readGolden(folder, "tiny/text")).toEqual(golden);
  });

  it("is written one site a line, for readable differences in git", () => {
    const text = readFileSync(writeGolden(folder, golden), "utf8");
    expect(text.split("\n").filter((line) => line.startsWith('{"site"'))).toHaveLength(2);
  });

  it("leaves no temporary file behind", () => {
    expect(readdirSync(dirname(writeGolden(folder, golden)))).toEqual(["text.json"]);
  });

  it("that is not there is refused with the command that records it", () => {
    expect(refusal(null)).toMatchInlineSnapshot(`"GOLDEN/a/b.json: no golden for a/b; record it with: lockstep golden record a/b"`);
  });

  it("that is not JSON is refused", () => {
    expect(refusal("{")).toMatchInlineSnapshot(`"GOLDEN/a/b.json: not a golden of version 1 (Expected property name or '}' in JSON at position 1 (line 1 column 2)); record it with: lockstep golden record a/b"`);
  });

  it("of another version is refused", () => {
    expect(refusal(JSON.stringify({ ...golden, golden: 2 }))).toContain("not a golden of version 1");
  });

  it("with a field that is not known is refused", () => {
    expect(refusal(JSON.stringify({ ...golden, tolerance: 1 }))).toContain("tolerance");
  });
});

describe("hashConfig", () => {
  it("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (config) => {
        const reversed = Object.fromEntries(Object.entries(config).toReversed());
        expect(hashConfig(reversed)).toBe(hashConfig(config));
      }),
    );
  });

  it.each([
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: "1" }, { a: 1 }],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: { b: 1 } }, { a: 1, b: 1 }],
    [{ a: null }, {}],
  ])("tells %j from %j", (a, b) => {
    expect(hashConfig(a)).not.toBe(hashConfig(b));
  });
});
