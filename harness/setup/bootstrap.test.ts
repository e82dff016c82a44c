import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const script = fileURLToPath(new URL("bootstrap.mjs", import.meta.url));

it.each([["publish"], ["toString"]])("a task that there is not (%s) is refused with those there are", (task) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, task], { encoding: "utf8" });
  expect({ status, stdout, stderr: stderr.replace(task, "TASK") }).toEqual({
    status: 2,
    stdout: "",
    stderr:
      "bootstrap: expected one of start, test, test:all, test:night, bench, bench-engine, models, check-python, found TASK\n",
  });
});
