import { createHash } from "node:crypto";
import { chmodSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { drawParameter } from "../trace/draw.ts";
import { openCheckpoint, readTensor, writeSafetensors } from "../trace/safetensors.ts";
import { float32Tensor, toNumbers } from "../trace/tensor.ts";
import { drawCheckpoint, hashTensors } from "./checkpoint.ts";
import type { Golden } from "./format/schema.ts";
import { testFolder } from "../trace/test-folder.ts";

let folder = "";
beforeAll(() => {
  folder = testFolder();
  vi.stubEnv("LOCKSTEP_CACHE", folder);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

const config = { model_type: "tiny", hidden_size: 3 };
const golden = {
  seed: 5,
  tensors: [
    ["norm.weight", [3]],
    ["embed.weight", [4, 3]],
  ],
} as unknown as Golden;

function rewrite(file: string, text: string): void {
  chmodSync(file, 0o644);
  writeFileSync(file, text);
}

function cut(file: string): void {
  chmodSync(file, 0o644);
  truncateSync(file, 20);
}

describe("drawCheckpoint", () => {
  it("writes the config and the tensors of the seed", () => {
    const { directory } = drawCheckpoint(config, golden);
    expect(JSON.parse(readFileSync(join(directory, "config.json"), "utf8"))).toEqual(config);
    const tensor = readTensor(openCheckpoint(directory).entries.get("embed.weight")!);
    expect(toNumbers(tensor)).toEqual(drawParameter(5, "embed.weight", [4, 3]));
  });

  it("gives another folder and checksum for another seed", () => {
    const [a, b] = [drawCheckpoint(config, golden), drawCheckpoint(config, { ...golden, seed: 6 })];
    expect(new Set([a.directory, b.directory, a.sha256, b.sha256]).size).toBe(4);
  });

  it("gives another folder for another config", () => {
    const other = drawCheckpoint({ ...config, rms_norm_eps: 1e-5 }, golden);
    expect(other.directory).not.toBe(drawCheckpoint(config, golden).directory);
  });

  it.each<[string, (directory: string) => void]>([
    ["zeroed weights", (directory) => writeSafetensors(join(directory, "model.safetensors"), new Map([["norm.weight", float32Tensor(new Float32Array(3), [3])]]))],
    ["cut weights", (directory) => cut(join(directory, "model.safetensors"))],
    ["another config", (directory) => rewrite(join(directory, "config.json"), "{}")],
    ["a file more", (directory) => writeFileSync(join(directory, "adapter_config.json"), "{}")],
    ["a file less", (directory) => rmSync(join(directory, "model.safetensors"))],
  ])("is drawn again, which is said, where the cache holds %s", (_, damage) => {
    const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const { directory } = drawCheckpoint(config, golden);
    const files = () => readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]);
    const whole = files();
    said.mockClear();
    damage(directory);
    drawCheckpoint(config, golden);
    drawCheckpoint(config, golden);
    expect(files()).toEqual(whole);
    expect(said.mock.calls).toEqual([[`cache  ${directory} was not as it was written; it was made again\n`]]);
    for (const [name] of whole) expect(statSync(join(directory, String(name))).mode & 0o777).toBe(0o444);
    said.mockRestore();
  });

  it("leaves no temporary folder behind", () => {
    const { directory } = drawCheckpoint(config, golden);
    expect(readdirSync(dirname(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("hashTensors", () => {
  const scalar = (value: number) => float32Tensor(Float32Array.of(value), []);

  it("is the SHA-256 of docs/protocol.md: name, dtype, shape and bytes, by name", () => {
    const tensors = new Map([
      ["b", float32Tensor(Float32Array.of(1, 2), [2, 1])],
      ["a", scalar(3)],
    ]);
    const bytes = [
      Buffer.from("a\0F32\0\0"),
      Buffer.from("00004040", "hex"),
      Buffer.from("b\0F32\x002,1\0"),
      Buffer.from("0000803f00000040", "hex"),
    ];
    expect(hashTensors(tensors)).toBe(createHash("sha256").update(Buffer.concat(bytes)).digest("hex"));
  });

  it("orders names by code point, as Python does, not by UTF-16 unit", () => {
    const [private_, emoji] = ["\uE000", "\u{1F600}"]; // U+E000 is before U+1F600, but its UTF-16 unit is not
    const hash = createHash("sha256");
    for (const name of [private_, emoji]) hash.update(`${name}\0F32\0\0`).update(Buffer.from("0000803f", "hex"));
    const tensors = new Map([emoji!, private_!].map((name) => [name, scalar(1)]));
    expect(hashTensors(tensors)).toBe(hash.digest("hex"));
  });

  it("changes with a name, a shape and a byte", () => {
    const hashes = [
      new Map([["a", float32Tensor(Float32Array.of(1, 2), [2])]]),
      new Map([["b", float32Tensor(Float32Array.of(1, 2), [2])]]),
      new Map([["a", float32Tensor(Float32Array.of(1, 2), [1, 2])]]),
      new Map([["a", float32Tensor(Float32Array.of(1, 3), [2])]]),
    ].map(hashTensors);
    expect(new Set(hashes).size).toBe(4);
  });
});
