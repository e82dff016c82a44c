import { describe, expect, it } from "vitest";
import { float32Tensor } from "../trace/tensor.ts";
import { judge } from "./judge.ts";
import { findDirection } from "./structure.ts";
import { float64Tensor, noisy, noisyRows, normal } from "./test-tensors.ts";

const columns = 40;
const ulp = 2 ** -23;

/** An output as two healthy implementations compute it: `noise` makes the tensor of each. */
function pair(name: string, rows: number, noise: (oracle: Float64Array, draw: () => number) => Float32Array) {
  const draw = normal(name);
  const oracle = Float64Array.from({ length: rows * columns }, draw);
  return { oracle, reference: noise(oracle, draw), engine: noise(oracle, draw), columns, dtype: "F32" as const };
}

describe("a wrong constant has a direction", () => {
  const healthy = pair("constant", 19, (oracle, draw) => noisy(oracle, draw, 1));

  it("along the output when it is a factor", () => {
    const engine = healthy.engine.map((value) => value * (1 + 4 * ulp));
    const direction = findDirection({ ...healthy, engine });
    expect(direction).toMatchObject({ kind: "scale", ulp: expect.closeTo(4, 0) });
  });

  it("along a constant when it is an offset", () => {
    const engine = healthy.engine.map((value) => value - 4 * ulp);
    expect(findDirection({ ...healthy, engine })).toMatchObject({ kind: "offset", ulp: expect.closeTo(-4, 0) });
  });

  it("fails a local judgement whose ratio is within the limit, and says why", () => {
    const shape = [1, 19, columns];
    const engine = float32Tensor(
      healthy.engine.map((value) => value * (1 + 2.5 * ulp)),
      shape,
    );
    const [reference, oracle] = [float32Tensor(healthy.reference, shape), float64Tensor(healthy.oracle, shape)];
    const triple = { site: "model.norm:out", engine, reference, oracle };
    const verdicts = [false, true].map((structure) => judge(triple, { limit: 4, structure }));
    expect(verdicts.map(({ status }) => status)).toEqual(["pass", "fail"]);
    const direction = { kind: "scale", ulp: expect.closeTo(2.6, 0), z: expect.any(Number) };
    expect(verdicts[1]).toMatchObject({ why: { kind: "direction", ratio: expect.closeTo(2.8, 0), direction } });
  });
});

describe("healthy noise has none", () => {
  it.each<[string, (oracle: Float64Array, draw: () => number) => Float32Array]>([
    ["independent", (oracle, draw) => noisy(oracle, draw, 2)],
    ["one error a row of half an ulp", (oracle, draw) => noisyRows(oracle, columns, draw, 0.5)],
    ["one error a row of 4 ulp", (oracle, draw) => noisyRows(oracle, columns, draw, 4)],
  ])("in 500 draws: %s", (name, noise) => {
    for (let draw = 0; draw < 500; draw++) expect(findDirection(pair(`${name} ${draw}`, 9, noise))).toBeNull();
  });
});

describe("nothing is claimed", () => {
  const scaled = (rows: number, width: number, factor: number) => {
    const reference = Float32Array.from({ length: rows * width }, normal("few"));
    return findDirection({
      engine: reference.map((value) => value * factor),
      reference,
      columns: width,
      dtype: "F32",
    });
  };

  it.each([
    ["from 7 rows", 7, 40],
    ["from 7 columns", 40, 7],
    ["from nothing", 0, 40],
  ])("%s, though the factor is there", (_, rows, width) => {
    expect(scaled(rows, width, 1.001)).toBeNull();
  });

  it("of a factor below one ulp, however certain", () => {
    expect([scaled(500, 40, 1 + 0.4 * ulp), scaled(500, 40, 1 + 8 * ulp)]).toEqual([null, expect.anything()]);
  });

  it("from rows of padding", () => {
    const zeros = new Float32Array(40 * 40);
    expect(findDirection({ engine: zeros, reference: zeros, columns: 40, dtype: "F32" })).toBeNull();
  });
});
