/** `npm run check` on a machine without Python: one line, and no failure. */
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import { packageRoot } from "../../harness/engine/registry.ts";

it("the Python checks say in one line that they are skipped where there is no Python", async () => {
  const ended = await execa(process.execPath, [join(packageRoot, "tests", "house", "check-python.ts")], {
    reject: false,
    all: true,
    env: { LOCKSTEP_PYTHON: "/nonexistent", LOCKSTEP_REFERENCE_PYTHON: "" },
  });
  expect(ended.all).toBe("python  checks skipped: there is no Python 3.11 or newer here");
  expect(ended.exitCode).toBe(0);
});
