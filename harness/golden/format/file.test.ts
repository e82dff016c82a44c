import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../trace/errors.ts";
import { packFile } from "./container.ts";
import { goldenPath, readGolden, writeGolden } from "./file.ts";
import { hashConfig } from "../../case/config-hash.ts";
import type { Golden } from "./schema.ts";
import { testFolder } from "../../trace/test-folder.ts";

fc.configureGlobal({ seed: 1 });

const folder = testFolder();

const golden: Golden = {
  golden: 2,
  case: "tiny/text",
  seed: 0,
  dtype: "float32",
  reference: { name: "reference", version: "1", versions: {} },
  generator: 1,
  checksums: { config: "c", weights: "w", inputs: "i", phases: "p" },
  tensors: [
    ["a.weight", [2, 3]],
    ["b", []],
  ],
  sites: [
    { site: "logits", phase: "prefill", shape: [2], dtype: "I64", checksum: "0123456789abcdef" },
    { site: "a:in", phase: "prefill", shape: [2], dtype: "I64", checksum: "0123456789abcdef" },
  ],
};
const { sites: _sites, tensors: _tensors, ...head } = golden;

/** The refusal to read `bytes` as the golden of a/b. */
function refusal(bytes: string | Uint8Array | null): string {
  const file = goldenPath(folder, "a/b");
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true });
  if (bytes !== null) writeFileSync(file, bytes);
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

  it("has a first line that people can read", () => {
    const [line] = readFileSync(writeGolden(folder, golden), "latin1").split("\n");
    expect(JSON.parse(line!)).toEqual({ ...head, payload: expect.stringMatching(/^[\da-f]{16}$/) });
  });

  it("leaves no temporary file behind", () => {
    expect(readdirSync(dirname(writeGolden(folder, golden)))).toEqual(["text.golden"]);
  });

  it("that is not there is refused with the command that records it", () => {
    expect(refusal(null)).toMatchInlineSnapshot(`"GOLDEN/a/b.golden: no golden for a/b; record it, where there is Python, with: lockstep golden update a/b"`);
  });

  it("of another version is refused, whatever follows its first line", () => {
    expect(refusal('{"golden":1}\nwhatever')).toMatchInlineSnapshot(`"GOLDEN/a/b.golden: not a golden of version 2 (found version 1); record it, where there is Python, with: lockstep golden update a/b"`);
    expect(refusal("{}\n")).toContain("found version undefined");
  });

  it("that is no golden is refused", () => {
    expect(refusal("nonsense")).toMatch(/not a golden of version 2 \(.*JSON.*\); record it/);
    expect(refusal("null\n")).toContain("found version undefined");
  });

  it.each(["cut off", "changed in one bit"])("that is %s is refused", (damage) => {
    const bytes = readFileSync(writeGolden(folder, golden));
    if (damage === "cut off") expect(refusal(bytes.subarray(0, -1))).toMatch(/expected a payload with checksum/);
    else {
      bytes[bytes.length - 3]! ^= 16;
      expect(refusal(bytes)).toMatch(/expected a payload with checksum \w{16}, found \w{16}/);
    }
  });

  it("with a field that is not known is refused", () => {
    expect(refusal(packFile({ ...head, tolerance: 1 }, new Uint8Array(0)))).toContain("tolerance");
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
