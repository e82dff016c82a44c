import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { drawUniform } from "../../../harness/trace/draw.ts";
import { readSafetensorsIndex, writeSafetensors } from "../../../harness/trace/safetensors.ts";
import { float32Tensor } from "../../../harness/trace/tensor.ts";
import { linear } from "../kernels/linear.ts";
import { PackedHalves } from "../kernels/packed.ts";
import { packFloats, roundAll } from "../tensor/rounding.ts";
import type { FloatDtype } from "../tensor/rounding.ts";
import { scratchIn } from "../tensor/scratch.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { WeightStore } from "./weight_store.ts";
import { testFolder } from "../../../harness/trace/test-folder.ts";

const shape = [6, 5];
const numbers = drawUniform(0, "w", 30, -2, 2);

/** A matrix and a vector as a file of `dtype`, and their entries. */
function stored(dtype: FloatDtype, values: Float32Array = numbers) {
  const file = join(testFolder(), "model.safetensors");
  const rounded = roundAll(values.slice(), dtype);
  const pack = (part: Float32Array, of: number[]) =>
    dtype === "F32" ? float32Tensor(part.slice(), of) : packFloats(part, dtype, of);
  writeSafetensors(
    file,
    new Map([
      ["matrix", pack(rounded, shape)],
      ["vector", pack(rounded.subarray(0, 5), [5])],
    ]),
  );
  const { entries } = readSafetensorsIndex(file);
  return { rounded, matrix: entries.get("matrix")!, vector: entries.get("vector")! };
}
const ignore = (): void => undefined;

describe("weights keep their numbers", () => {
  const dtypes = ["F32", "BF16", "F16"] as const;

  test.each(dtypes.flatMap((file) => dtypes.map((model) => [file, model] as const)))(
    "%s in a model of %s",
    (file, model) => {
      const { rounded, matrix, vector } = stored(file);
      const store = new WeightStore(model);
      const read = store.read(matrix, ignore);
      expect([...read.data!]).toEqual([...rounded]);
      const settled = store.settle(read, model);
      expect(settled.dtype).toBe(model);
      expect([...settled.data!]).toEqual([...roundAll(rounded.slice(), model)]);
      expect([...store.settle(store.read(vector, ignore), model).data!]).toEqual([...settled.data!.subarray(0, 5)]);
    },
  );

  test("16 bits stay 16 bits, also in a float32 model", () => {
    const { matrix } = stored("BF16");
    for (const model of ["F32", "BF16"] as const) {
      const store = new WeightStore(model);
      expect(store.settle(store.read(matrix, ignore), model).storage).toBeInstanceOf(PackedHalves);
    }
  });

  test("float16 with an infinity is not packed, and keeps it", () => {
    const { matrix } = stored("F16", numbers.with(3, Infinity));
    const store = new WeightStore("F16");
    const weight = store.settle(store.read(matrix, ignore), "F16");
    expect(weight.storage).not.toBeInstanceOf(PackedHalves);
    expect(weight.data![3]).toBe(Infinity);
  });
});

describe("more weights than one memory holds", () => {
  test("go to a second one, and products are computed there with the same bits", () => {
    const { matrix, rounded } = stored("F32");
    const store = new WeightStore("F32");
    const first = store.read(matrix, ignore);
    for (let bytes = 2 ** 31; bytes >= 64; bytes /= 2) while (store.memory.reserve(bytes) !== null); // untouched pages take no memory
    const second = store.read(matrix, ignore);
    const buffer = (weight: typeof first): ArrayBufferLike => (weight.storage as Float32Array).buffer;
    expect(buffer(second)).not.toBe(buffer(first));
    const x = drawUniform(0, "x", 10, -1, 1);
    const sizes = { rows: 2, inner: 5, columns: 6 };
    const product = (weight: Float32Array) =>
      scratchIn(store.memory, () => floatTensor([2, 6], linear(x, weight, null, sizes))).data!;
    expect([...product(second.data!)]).toEqual([...product(first.data!)]);
    expect([...product(first.data!)]).toEqual([...linear(x, rounded, null, sizes)]);
  });
});
