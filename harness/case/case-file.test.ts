import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../engine/registry.ts";
import { boolTensor, float32Tensor, int64Tensor } from "../trace/tensor.ts";
import { defineCase, planPhases } from "./case.ts";
import { renderCaseFile, writeCaseFile } from "./case-file.ts";
import { findCases, loadCaseFile } from "./discover.ts";
import { testFolder } from "../trace/test-folder.ts";

const folder = testFolder();

const inputs = new Map([
  ["input_ids", int64Tensor([5, 6], [1, 2])],
  ["input_features", float32Tensor(Float32Array.from([0.1, -0, 3e-9]), [1, 3])],
  ["input_features_mask", boolTensor([1, 0, 1], [1, 3])],
]);
const testCase = defineCase({
  name: "minimised/x",
  title: "x",
  config: { model_type: "x", text_config: { hidden_size: 2 } },
  inputs: () => inputs,
  phases: planPhases({ chunks: [1], decode: 1, full: false }),
  fault: { module: join(packageRoot, "cases", "faults", "norm.ts"), name: "wrong" },
  faultId: "x-1",
});

describe("a case file", () => {
  it("reads as one", () => {
    const text = renderCaseFile({
      ...{ testCase, inputs, comment: ["The smallest case."], library: "lockstep", tensors: "./x.safetensors" },
      fault: { module: "../faults/norm.ts", name: "wrong" },
    });
    expect(text).toMatchInlineSnapshot(`
      "/**
       * The smallest case.
       */
      import { fileURLToPath } from "node:url";
      import { defineCase, int64Tensor, float32Tensor, boolTensor } from "lockstep";

      const config = {
        "model_type": "x",
        "text_config": {
          "hidden_size": 2
        }
      };

      const inputs = new Map([
        ["input_ids", int64Tensor([5, 6], [1, 2])],
        ["input_features", float32Tensor(Float32Array.from([0.10000000149011612, -0, 3.000000026176508e-9]), [1, 3])],
        ["input_features_mask", boolTensor([1, 0, 1], [1, 3])],
      ]);

      const phases = [
        {"name":"prefill","start":0,"end":1,"cache":true},
        {"name":"decode:1","start":1,"end":2,"cache":true},
      ];

      export const cases = [
        defineCase({
          name: "minimised/x",
          title: "x",
          config,
          inputs: () => inputs,
          phases,
          engine: "typescript",
          fault: { module: fileURLToPath(new URL("../faults/norm.ts", import.meta.url)), name: "wrong" },
          faultId: "x-1",
        }),
      ];
      "
    `);
  });

  it("gives the same case when it is loaded, bit for bit", async () => {
    const file = join(folder, "small.case.ts");
    expect(writeCaseFile(file, { testCase, inputs, comment: [] })).toEqual([file]);
    const [loaded, ...others] = await loadCaseFile(file);
    expect(others).toEqual([]);
    expect({ ...loaded, inputs: null }).toEqual({ ...testCase, inputs: null, file });
    expect(loaded!.inputs(0)).toEqual(inputs);
  });

  it("keeps large tensors, and those of other dtypes, in a file beside it", async () => {
    const large = new Map(inputs)
      .set("pixel_values", float32Tensor(new Float32Array(300).fill(0.5), [1, 300]))
      .set("half", { dtype: "F16", shape: [1], bytes: new Uint8Array([0, 60]) });
    const file = join(folder, "large.case.ts");
    expect(writeCaseFile(file, { testCase, inputs: large, comment: [] })).toHaveLength(2);
    const [loaded] = await loadCaseFile(file);
    expect(loaded!.inputs(0)).toEqual(large);
    expect(readFileSync(file, "utf8").length).toBeLessThan(2000);
    expect(existsSync(join(folder, "large.safetensors"))).toBe(true);
  });

  it("can be named in place of a case, beside others", async () => {
    const file = join(folder, "named.case.ts");
    writeCaseFile(file, { testCase: { ...testCase, name: "minimised/named" }, inputs, comment: [] });
    expect((await findCases([file])).map(({ name }) => name)).toEqual(["minimised/named"]);
    expect((await findCases([file, "gemma4_unified/text"])).map(({ name }) => name)).toEqual([
      "minimised/named",
      "gemma4_unified/text",
    ]);
    await expect(findCases(["missing.case.ts"])).rejects.toThrowErrorMatchingInlineSnapshot(
      `[UsageError: missing.case.ts: no such file; expected a case file, or the name of a case]`,
    );
  });
});
