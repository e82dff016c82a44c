import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { toNumbers } from "../trace/tensor.ts";
import { shapeInputsFor } from "./shapes-inputs.ts";
import { testFolder } from "../trace/test-folder.ts";

let folder = "";
beforeAll(() => {
  folder = testFolder();
  writeFileSync(join(folder, "known.inputs.js"), "export const shapeInputs = (config, length) => [config, length];");
  writeFileSync(join(folder, "silent.inputs.js"), "export const other = 1;");
});

describe("inputs for a bare config", () => {
  it("are those of the model's own file", async () => {
    const config = { model_type: "known" };
    expect((await shapeInputsFor(config, folder))(config, 7)).toEqual([config, 7]);
  });

  it.each(["unknown", "silent", undefined])("are one sequence of text for model_type %s", async (type) => {
    const inputs = (await shapeInputsFor({ model_type: type }, folder))({}, 3);
    const read = [...inputs].map(([name, tensor]) => [name, tensor.shape, [...toNumbers(tensor)]]);
    expect(read).toEqual([
      ["input_ids", [1, 3], [5, 5, 5]],
      ["attention_mask", [1, 3], [1, 1, 1]],
    ]);
  });
});
