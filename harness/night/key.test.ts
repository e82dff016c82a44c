import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { int64Tensor } from "../trace/tensor.ts";
import { defineCase } from "../case/case.ts";
import type { KeyParts } from "./key.ts";
import { chooseEngine } from "../engine/registry.ts";
import { engineSources, harnessIdentity, isKnown, resultKey } from "./key.ts";
import { testFolder } from "../trace/test-folder.ts";

let folder = "";
beforeEach(() => {
  folder = testFolder();
  vi.stubEnv("LOCKSTEP_CACHE", folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const definition = {
  name: "a/b",
  title: "t",
  config: { hidden_size: 4, heads: 2 },
  inputs: (seed: number) => new Map([["input_ids", int64Tensor([seed + 1, 2], [1, 2])]]),
  phases: [{ name: "full", start: 0, end: 2, cache: false }],
};
const parts: KeyParts = {
  testCase: defineCase(definition),
  ...{ dtype: "float32", seed: 0, limit: 4, explain: 20, harness: "0.1.0+a" },
  engine: { typescript: "0.1.0", sources: "s" },
  reference: { transformers: "5.24.0", torch: "2.13.0" },
};

describe("the key of a result", () => {
  it("is the same for the same parts, in whatever order they come", () => {
    const config = { heads: 2, hidden_size: 4 };
    const reference = { torch: "2.13.0", transformers: "5.24.0" };
    expect(resultKey({ ...parts, reference, testCase: defineCase({ ...definition, config }) })).toBe(resultKey(parts));
    expect(resultKey(parts)).toMatch(/^[\da-f]{24}$/);
  });

  it("does not depend on what only people read, nor on where a case lies", () => {
    expect(resultKey({ ...parts, testCase: { ...parts.testCase, title: "other", file: "/x.case.ts" } })).toBe(
      resultKey(parts),
    );
  });

  const others: readonly (readonly [string, Partial<KeyParts>])[] = [
    ["config", { testCase: defineCase({ ...definition, config: { hidden_size: 5, heads: 2 } }) }],
    [
      "inputs",
      { testCase: defineCase({ ...definition, inputs: () => new Map([["input_ids", int64Tensor([9, 9], [1, 2])]]) }) },
    ],
    ["phases", { testCase: defineCase({ ...definition, phases: [{ name: "full", start: 0, end: 1, cache: false }] }) }],
    ["expectation", { testCase: defineCase({ ...definition, expect: { fail_at: "logits" } }) }],
    ["dtype", { dtype: "bfloat16" }],
    ["seed", { seed: 1 }],
    ["limit", { limit: 3 }],
    ["seconds for a cause", { explain: 5 }],
    ["engine", { engine: { typescript: "0.1.0", sources: "t" } }],
    ["version of the reference", { reference: { transformers: "5.25.0", torch: "2.13.0" } }],
    ["harness", { harness: "0.1.0+b" }],
  ];
  it.each(others)("is another for another %s", (_, other) => {
    expect(resultKey({ ...parts, ...other })).not.toBe(resultKey(parts));
  });
});

describe("the sources of an engine", () => {
  const command = (...words: string[]) => engineSources({ kind: "command", command: words });

  it("are the words of its command and the contents of the files that it names", () => {
    const file = join(folder, "engine.sh");
    writeFileSync(file, "one");
    const one = command(file, "--serve");
    expect(command(file, "--serve")).toBe(one);
    expect(command(file, "--other")).not.toBe(one);
    writeFileSync(file, "two");
    expect(command(file, "--serve")).not.toBe(one);
  });

  it("of a factory are its file, what lies beside it, and its name", () => {
    const manifest = {
      name: "torch",
      title: "t",
      command: ["x"],
      environment: {},
      requirements: [],
      reference: false,
      folder,
    };
    const sources = (factory: string) =>
      engineSources({
        kind: "manifest",
        manifest: { ...manifest, folder: "/nonexistent" },
        argument: join(folder, `f.py:${factory}`),
      });
    writeFileSync(join(folder, "f.py"), "one");
    const one = sources("a");
    expect(sources("b")).not.toBe(one);
    writeFileSync(join(folder, "beside.py"), "x");
    expect(sources("a")).not.toBe(one);
  });
});

describe("what an engine depends on", () => {
  const command = { kind: "command", command: ["my-engine"] } as const;
  const packages = { numpy: "2.0" };
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };

  it.each<[string, Parameters<typeof isKnown>[1]]>([
    ["nothing", undefined],
    ["an empty list", { files: [], packages: {} }],
    ["a file that is not there", { files: ["/nonexistent/engine.py"], packages }],
  ])("is not known where a command declares %s", (_, depends) => {
    expect(isKnown(command, depends)).toBe(false);
    expect(isKnown({ ...chooseEngine("torch:f.py:build") }, depends)).toBe(false);
  });

  it("is known where it declares something, and of an engine of this installation", () => {
    expect(isKnown(command, { files: [write("engine.py", "")], packages: {} })).toBe(true);
    expect(isKnown(command, { files: [], packages })).toBe(true);
    expect(isKnown(chooseEngine("typescript"), undefined)).toBe(true);
  });

  it("is a part of its sources: files, files in folders, packages", () => {
    const file = write("lib/deep/a.py", "one");
    const sources = (files: string[], numpy = "2.0") => engineSources(command, { files, packages: { numpy } });
    const before = [sources([file]), sources([join(folder, "lib")])];
    expect([sources([file]), sources([join(folder, "lib")])]).toEqual(before);
    write("lib/deep/a.py", "two");
    expect(sources([file])).not.toBe(before[0]);
    expect(sources([join(folder, "lib")])).not.toBe(before[1]);
    expect(sources([file], "2.1")).not.toBe(sources([file]));
  });
});

it("the harness is its version and a hash", () => {
  expect(harnessIdentity()).toMatch(/^\d+\.\d+\.\d+\+[\da-f]{12}$/);
});
