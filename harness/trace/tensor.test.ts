import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dtype } from "./dtypes.ts";
import { dtypeBytes, widenBfloat16 } from "./dtypes.ts";
import { boolTensor, elementCount, float32Tensor, int64Tensor, toNumbers, viewBytes } from "./tensor.ts";

fc.configureGlobal({ seed: 1 });

describe("elementCount", () => {
  it.each([
    [[], 1],
    [[3], 3],
    [[2, 3, 4], 24],
    [[2, 0, 4], 0],
  ])("of %j is %i", (shape, count) => {
    expect(elementCount(shape)).toBe(count);
  });
});

describe("toNumbers", () => {
  it.each<[Dtype, ArrayBufferView, number[]]>([
    ["F64", new Float64Array([1 / 3, -0.1]), [1 / 3, -0.1]],
    ["F32", new Float32Array([1.5, -2]), [1.5, -2]],
    ["F16", new Float16Array([1.5, -65504]), [1.5, -65504]],
    ["BF16", new Uint16Array([0x3fc0, 0xc000]), [1.5, -2]],
    ["I64", new BigInt64Array([-5n, 2n ** 53n]), [-5, 2 ** 53]],
    ["I32", new Int32Array([-5, 2 ** 31 - 1]), [-5, 2 ** 31 - 1]],
    ["I16", new Int16Array([-5, 32767]), [-5, 32767]],
    ["I8", new Int8Array([-5, 127]), [-5, 127]],
    ["U8", new Uint8Array([0, 255]), [0, 255]],
    ["BOOL", new Uint8Array([0, 1]), [0, 1]],
  ])("reads %s", (dtype, array, expected) => {
    expect([...toNumbers({ dtype, shape: [2], bytes: viewBytes(array) })]).toEqual(expected);
  });

  it.each(Object.keys(dtypeBytes) as Dtype[])("reads %s from bytes that are not aligned", (dtype) => {
    const aligned = Uint8Array.from({ length: 3 * dtypeBytes[dtype] }, (_, index) => index % 2);
    const shifted = new Uint8Array(aligned.length + 1);
    shifted.set(aligned, 1);
    const read = (bytes: Uint8Array) => [...toNumbers({ dtype, shape: [3], bytes })];
    expect(read(shifted.subarray(1))).toEqual(read(aligned));
  });

  it("does not copy float32, which is most of what there is to read", () => {
    const values = new Float32Array([1, 2]);
    const { buffer } = toNumbers(float32Tensor(values, [2]));
    expect(buffer).toBe(values.buffer);
  });
});

describe("widenBfloat16", () => {
  it("is exact for every pattern: the upper half of a float32", () => {
    const patterns = Uint16Array.from({ length: 2 ** 16 }, (_, pattern) => pattern);
    const widened = new Uint32Array(widenBfloat16(patterns).buffer);
    expect(widened.every((bits, pattern) => bits === pattern * 2 ** 16)).toBe(true);
  });
});

describe("int64Tensor", () => {
  it("keeps every safe whole number", () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger()), (values) => {
        expect([...toNumbers(int64Tensor(values, [values.length]))]).toEqual(values.map((value) => value + 0));
      }),
    );
  });

  it("refuses what is not a whole number", () => {
    expect(() => int64Tensor([1.5], [1])).toThrow(RangeError);
  });
});

describe("boolTensor", () => {
  it("writes 0 or 1 for whatever it is given", () => {
    expect([...boolTensor([0, 1, 7, -0], [4]).bytes]).toEqual([0, 1, 1, 0]);
  });
});
