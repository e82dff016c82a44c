import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readSafetensorsIndex, writeSafetensors } from "../trace/safetensors.ts";
import { float32Tensor, int64Tensor } from "../trace/tensor.ts";
import type { Inputs } from "./case.ts";
import { writeInputs } from "./inputs-file.ts";
import { testFolder } from "../trace/test-folder.ts";

let folder = "";
beforeAll(() => {
  folder = testFolder();
  vi.stubEnv("LOCKSTEP_CACHE", folder);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const ids = int64Tensor([1, 2, 3, 4, 5, 6], [2, 3]);
const mask = (values: number[]) => int64Tensor(values, [2, 3]);
const phase = { name: "decode:1", start: 2, end: 3, cache: true };

function rewrite(path: string, change: (bytes: Uint8Array) => Uint8Array): void {
  chmodSync(path, 0o644);
  writeFileSync(path, change(new Uint8Array(readFileSync(path))));
}

describe("an inputs file", () => {
  it("holds the tensors", () => {
    const { path } = writeInputs(new Map([["input_ids", ids]]));
    expect([...readSafetensorsIndex(path).entries.keys()]).toEqual(["input_ids"]);
  });

  it.each<[string, (path: string) => void]>([
    [
      "other tensors",
      (path) => writeSafetensors(path, new Map([["input_ids", int64Tensor([9, 9, 9, 9, 9, 9], [2, 3])]])),
    ],
    [
      "a tensor more",
      (path) =>
        writeSafetensors(
          path,
          new Map([
            ["input_ids", ids],
            ["pixel_values", ids],
          ]),
        ),
    ],
    ["one bit flipped", (path) => rewrite(path, (bytes) => bytes.with(bytes.length - 8, bytes.at(-8)! ^ 1))],
    ["half of itself", (path) => rewrite(path, (bytes) => bytes.subarray(0, bytes.length / 2))],
    ["nothing", (path) => rewrite(path, () => new Uint8Array())],
  ])("is written again, which is said, where the cache holds %s in its place", (_, damage) => {
    const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const inputs = new Map([["input_ids", ids]]);
    const { path } = writeInputs(inputs);
    const whole = readFileSync(path);
    said.mockClear();
    damage(path);
    expect(writeInputs(inputs).path).toBe(path);
    expect(readFileSync(path)).toEqual(whole);
    expect(said.mock.calls).toEqual([[`cache  ${path} was not as it was written; it was made again\n`]]);
    writeInputs(inputs);
    expect(said).toHaveBeenCalledTimes(1);
    expect(statSync(path).mode & 0o777).toBe(0o444);
    said.mockRestore();
  });

  it("is the same file for the same tensors in any order", () => {
    const [a, b] = [ids, mask([1, 1, 1, 1, 1, 1])];
    const there = writeInputs(
      new Map([
        ["input_ids", a],
        ["attention_mask", b],
      ]),
    );
    const back = writeInputs(
      new Map([
        ["attention_mask", b],
        ["input_ids", a],
      ]),
    );
    expect([back.path, back.sha256]).toEqual([there.path, there.sha256]);
  });

  it("is another file when a value, a shape or a name is another", () => {
    const one = float32Tensor(Float32Array.of(1, 2), [2]);
    const all: Inputs[] = [
      new Map([["input_ids", ids]]),
      new Map([["input_ids", int64Tensor([1, 2, 3, 4, 5, 7], [2, 3])]]),
      new Map([["input_ids", int64Tensor([1, 2, 3, 4, 5, 6], [3, 2])]]),
      new Map([
        ["input_ids", ids],
        ["a", one],
      ]),
      new Map([
        ["input_ids", ids],
        ["b", one],
      ]),
    ];
    expect(new Set(all.map((inputs) => writeInputs(inputs).path)).size).toBe(all.length);
  });

  it("knows which tokens are real", () => {
    const file = writeInputs(
      new Map([
        ["input_ids", ids],
        ["attention_mask", mask([0, 1, 1, 1, 1, 1])],
      ]),
    );
    expect(file.padded).toBe(true);
    expect(file.tokensOf(phase)).toEqual({
      batch: 2,
      start: 2,
      end: 3,
      length: 3,
      mask: Float64Array.of(0, 1, 1, 1, 1, 1),
    });
  });

  it.each([
    ["without a mask", new Map([["input_ids", ids]])],
    [
      "with a mask of ones",
      new Map([
        ["input_ids", ids],
        ["attention_mask", mask([1, 1, 1, 1, 1, 1])],
      ]),
    ],
  ])("is not padded %s", (_, inputs) => {
    const { padded, tokensOf } = writeInputs(inputs);
    expect([padded, [...(tokensOf(phase).mask as Float64Array)]]).toEqual([false, [1, 1, 1, 1, 1, 1]]);
  });
});

describe("inputs are refused", () => {
  it("without input_ids", () => {
    expect(() => writeInputs(new Map())).toThrowErrorMatchingInlineSnapshot(
      `[UsageError: inputs: expected input_ids [B, S], or images or sounds, found none]`,
    );
  });

  it("with input_ids of another rank", () => {
    expect(() => writeInputs(new Map([["input_ids", int64Tensor([1], [1])]]))).toThrowErrorMatchingInlineSnapshot(
      `[UsageError: inputs: expected input_ids [B, S], found [1]]`,
    );
  });

  it("with a mask that does not fit", () => {
    const inputs = new Map([
      ["input_ids", ids],
      ["attention_mask", int64Tensor([1, 1], [2, 1])],
    ]);
    expect(() => writeInputs(inputs)).toThrowErrorMatchingInlineSnapshot(
      `[UsageError: inputs: expected attention_mask [2,3] like input_ids, found [2,1]]`,
    );
  });
});
