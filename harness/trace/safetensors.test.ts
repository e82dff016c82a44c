import { mkdirSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dtype } from "./dtypes.ts";
import { dtypeBytes } from "./dtypes.ts";
import { SafetensorsError, openCheckpoint, readSafetensorsIndex, readTensor, writeSafetensors } from "./safetensors.ts";
import type { RawTensor } from "./tensor.ts";
import { elementCount, float32Tensor } from "./tensor.ts";
import { testFolder } from "./test-folder.ts";

fc.configureGlobal({ seed: 1 });

const folder = testFolder();

/** Bytes of a file with this header, as text or as JSON, and `data` bytes of data. */
function fileBytes(header: unknown, data: number): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([size, json, Buffer.alloc(data)]);
}

function writeFile(bytes: Uint8Array): string {
  const file = join(folder, "t.safetensors");
  writeFileSync(file, bytes);
  return file;
}

/** The message of the error that reading a file gives, without the folder and the remedy. */
function refusal(bytes: Uint8Array): string {
  try {
    readSafetensorsIndex(writeFile(bytes));
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    return (error as Error).message.replaceAll(`${folder}/`, "").replace(/\. Write the file again.*/, "");
  }
  throw new Error("expected the file to be refused");
}

const good = {
  a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
  b: { dtype: "U8", shape: [3], data_offsets: [8, 11] },
};

const anyTensor: fc.Arbitrary<RawTensor> = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(dtypeBytes) as Dtype[])),
    shape: fc.array(fc.nat(3), { maxLength: 4 }),
    fill: fc.nat(255),
  })
  .map(({ dtype, shape, fill }) => ({
    dtype,
    shape,
    bytes: Uint8Array.from({ length: elementCount(shape) * dtypeBytes[dtype] }, (_, index) => (index * 7 + fill) % 256),
  }));
const anyName = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("__proto__", "constructor", "0", "model.layers.0.weight"),
);
const anyFile = fc.dictionary(anyName, anyTensor, { maxKeys: 6 }).map((tensors) => new Map(Object.entries(tensors)));

describe("safetensors files", () => {
  it("come back as they were written: any names, dtypes, shapes and bytes", () => {
    fc.assert(
      fc.property(anyFile, (tensors) => {
        const file = join(folder, "round-trip.safetensors");
        writeSafetensors(file, tensors);
        const { entries } = readSafetensorsIndex(file);
        const read = [...entries].map(([name, entry]) => [name, readTensor(entry)] as const);
        expect(new Map(read)).toEqual(tensors);
      }),
    );
  });

  it("align every tensor to its element size", () => {
    fc.assert(
      fc.property(anyFile, (tensors) => {
        const file = join(folder, "aligned.safetensors");
        writeSafetensors(file, tensors);
        for (const { start, dtype } of readSafetensorsIndex(file).entries.values())
          expect(start % dtypeBytes[dtype]).toBe(0);
      }),
    );
  });

  it("keep their metadata", () => {
    const file = join(folder, "metadata.safetensors");
    writeSafetensors(file, new Map(), { format: "pt" });
    expect(readSafetensorsIndex(file).metadata).toEqual({ format: "pt" });
  });

  it("are the bytes that the reference implementation writes", () => {
    const file = join(folder, "known.safetensors");
    writeSafetensors(file, new Map([["w", float32Tensor(new Float32Array([1, -2]), [2])]]));
    const header = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.padEnd(56, " ");
    expect(readFileSync(file).toString("hex")).toBe(
      `3800000000000000${Buffer.from(header).toString("hex")}0000803f000000c0`,
    );
  });

  it("leave no temporary file behind", () => {
    const own = mkdtempSync(join(folder, "clean-"));
    writeSafetensors(join(own, "a.safetensors"), new Map());
    expect(readdirSync(own)).toEqual(["a.safetensors"]);
  });

  it("can't hold a tensor of the name that stands for metadata", () => {
    const tensors = new Map([["__metadata__", float32Tensor(new Float32Array(1), [1])]]);
    expect(() => writeSafetensors(join(folder, "m.safetensors"), tensors)).toThrow(SafetensorsError);
  });

  it("are not written when a tensor's bytes do not fit its shape", () => {
    const tensors = new Map([["w", float32Tensor(new Float32Array(3), [2])]]);
    expect(() => writeSafetensors(join(folder, "w.safetensors"), tensors)).toThrow(
      "expected 8 bytes for F32 [2], found 12",
    );
  });
});

describe("a safetensors file is refused", () => {
  it("when it is cut off anywhere", () => {
    const whole = fileBytes(good, 11);
    for (let length = 0; length < whole.length; length++)
      expect(() => refusal(whole.subarray(0, length))).not.toThrow();
  });

  it("when it has bytes that no tensor claims", () => {
    expect(refusal(fileBytes(good, 12))).toMatchInlineSnapshot(
      `"t.safetensors: expected 126 bytes, as the header says, found 127"`,
    );
  });

  it("when any byte of its header is not UTF-8", () => {
    const whole = fileBytes(good, 11);
    const start = 8;
    const end = whole.length - 11;
    for (let place = start; place < end; place++) {
      const broken = Buffer.from(whole);
      broken[place] = 0xff; // never valid in UTF-8
      expect(refusal(broken)).toContain("expected a JSON header");
    }
  });

  it("when its size field is any other number", () => {
    const whole = fileBytes(good, 11);
    const right = whole.readBigUInt64LE();
    fc.assert(
      fc.property(fc.oneof(fc.bigInt({ min: 0n, max: 200n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (size) => {
        fc.pre(size !== right);
        const broken = Buffer.from(whole);
        broken.writeBigUInt64LE(size);
        refusal(broken);
      }),
    );
  });

  it.each<[string, unknown]>([
    ["dtype", "F33"],
    ["dtype", "f32"],
    ["dtype", "toString"],
    ["dtype", null],
    ["dtype", "F64"],
    ["shape", [3]],
    ["shape", [-2]],
    ["shape", [1.5]],
    ["shape", "2"],
    ["shape", null],
    ["shape", [2 ** 60]],
    ["data_offsets", [0, 7]],
    ["data_offsets", [1, 9]],
    ["data_offsets", [8, 0]],
    ["data_offsets", [-8, 0]],
    ["data_offsets", [0]],
    ["data_offsets", [0, 8, 8]],
    ["data_offsets", null],
    ["data_offsets", ["0", "8"]],
  ])("when a tensor's %s is %j", (field, value) => {
    expect(refusal(fileBytes({ ...good, a: { ...good.a, [field]: value } }, 11))).toContain("t.safetensors, tensor");
  });

  it.each([null, 5, "a", [], {}])("when an entry is %j", (entry) => {
    expect(refusal(fileBytes({ ...good, a: entry }, 11))).toContain("tensor a: expected a dtype");
  });

  it.each([null, 5, ["a"], "pt", { format: 1 }])("when its metadata is %j", (metadata) => {
    expect(refusal(fileBytes({ __metadata__: metadata, ...good }, 11))).toContain("__metadata__");
  });

  it.each(["null", "5", "[]", '"a"'])("when its header is %s", (header) => {
    expect(refusal(fileBytes(header, 0))).toContain("expected a JSON object as header");
  });

  it("when two tensors overlap", () => {
    const overlapping = { ...good, b: { dtype: "U8", shape: [3], data_offsets: [7, 10] } };
    expect(refusal(fileBytes(overlapping, 10))).toMatchInlineSnapshot(
      `"t.safetensors, tensor b: expected data at byte 123, found 122"`,
    );
  });

  it("when there is a hole between two tensors", () => {
    const apart = { ...good, b: { dtype: "U8", shape: [3], data_offsets: [9, 12] } };
    expect(refusal(fileBytes(apart, 12))).toMatchInlineSnapshot(
      `"t.safetensors, tensor b: expected data at byte 123, found 124"`,
    );
  });

  it("when its data are said to go on after its end", () => {
    const long = { a: { dtype: "U8", shape: [20], data_offsets: [0, 20] } };
    expect(refusal(fileBytes(long, 11))).toMatch(
      /tensor a: expected data that ends within the file's \d+ bytes, found/,
    );
  });

  it("whatever is done to one number of its header", () => {
    const numbers = [...JSON.stringify(good).matchAll(/(?<=[[,])\d+(?=[\],])/g)];
    fc.assert(
      fc.property(fc.nat(numbers.length - 1), fc.integer({ min: -20, max: 20 }), (which, change) => {
        fc.pre(change !== 0);
        const { index, 0: old } = numbers[which]!;
        const text = JSON.stringify(good);
        const broken = text.slice(0, index) + String(Number(old) + change) + text.slice(index + old.length);
        refusal(fileBytes(broken, 11));
      }),
    );
  });

  it("with a message that says what was expected, what was found, where, and what to do", () => {
    const file = writeFile(fileBytes({ a: { ...good.a, shape: [3] } }, 8));
    expect(() => readSafetensorsIndex(file)).toThrow(
      `${file}, tensor a: expected 12 bytes for F32 [3], found 8. Write the file again, or fetch it again if it was downloaded.`,
    );
  });
});

describe("readTensor", () => {
  const entryOf = (name: string) => {
    const file = join(folder, `${name}.safetensors`);
    writeSafetensors(file, new Map([["w", float32Tensor(new Float32Array([1, 2, 3]), [3])]]));
    return readSafetensorsIndex(file).entries.get("w")!;
  };

  it("reads into a buffer that it is given", () => {
    const target = new Uint8Array(64);
    const { bytes } = readTensor(entryOf("target"), target);
    expect([bytes.buffer, bytes.length]).toEqual([target.buffer, 12]);
  });

  it("refuses a file that was cut off after its header was read", () => {
    const entry = entryOf("cut");
    truncateSync(entry.file, entry.end - 5);
    expect(() => readTensor(entry)).toThrow("expected 12 bytes, found 7");
  });
});

describe("openCheckpoint", () => {
  /** A folder with these files; safetensors files hold the named scalars. */
  function checkpoint(files: Record<string, string | string[]>): string {
    const directory = mkdtempSync(join(folder, "checkpoint-"));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(directory, { recursive: true });
      if (typeof content === "string") writeFileSync(join(directory, name), content);
      else
        writeSafetensors(
          join(directory, name),
          new Map(content.map((tensor) => [tensor, float32Tensor(new Float32Array([1]), [])])),
        );
    }
    return directory;
  }
  const index = "model.safetensors.index.json";
  const refused = (files: Record<string, string | string[]>): string => {
    const directory = checkpoint(files);
    try {
      openCheckpoint(directory);
    } catch (error) {
      expect(error).toBeInstanceOf(SafetensorsError);
      return (error as Error).message.replaceAll(directory, "CHECKPOINT").replace(/\. Write the file again.*/, "");
    }
    throw new Error("expected the checkpoint to be refused");
  };

  it("reads a single file", () => {
    expect([...openCheckpoint(checkpoint({ "model.safetensors": ["a"] })).entries.keys()]).toEqual(["a"]);
  });

  it("reads shards in the order of their index", () => {
    const map = { b: "2.safetensors", a: "1.safetensors", c: "2.safetensors" };
    const directory = checkpoint({
      [index]: JSON.stringify({ weight_map: map }),
      "1.safetensors": ["a"],
      "2.safetensors": ["b", "c"],
    });
    const found = [...openCheckpoint(directory).entries].map(([name, { file }]) => [name, basename(file)]);
    expect(Object.fromEntries(found)).toEqual(map);
  });

  it("says when there is neither", () => {
    expect(refused({})).toMatchInlineSnapshot(
      `"CHECKPOINT: expected model.safetensors or model.safetensors.index.json, found neither"`,
    );
  });

  it("says when a shard lacks a tensor that the index promises", () => {
    const files = { [index]: '{"weight_map":{"b":"1.safetensors"}}', "1.safetensors": ["a"] };
    expect(refused(files)).toMatchInlineSnapshot(
      `"CHECKPOINT/model.safetensors.index.json, tensor b: expected the tensor in 1.safetensors, found no such tensor there"`,
    );
  });

  it.each(["../1.safetensors", "/etc/passwd", "deep/1.safetensors", "..", ""])(
    "refuses %j as the name of a shard",
    (shard) => {
      expect(refused({ [index]: JSON.stringify({ weight_map: { b: shard } }) })).toContain(
        "expected names of files beside it",
      );
    },
  );

  it("says when a shard is not there", () => {
    expect(refused({ [index]: '{"weight_map":{"b":"1.safetensors"}}' })).toMatchInlineSnapshot(
      `"CHECKPOINT/model.safetensors.index.json: expected the shard 1.safetensors beside it, found no such file"`,
    );
  });

  it.each(["{", "[]", "{}", '{"weight_map":[]}', '{"weight_map":{"a":1}}'])("says when the index is %s", (text) => {
    expect(refused({ [index]: text })).toContain('expected {"weight_map": {tensor: shard}}');
  });
});
