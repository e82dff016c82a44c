import { expect, it } from "vitest";
import type { Verdict } from "../verdict/schema.ts";
import { exitCodeFor } from "./exit-code.ts";

const [passed, failed, asExpected, unexpectedPass, unknown, broken] = [
  { status: "pass", met: true },
  { status: "fail", met: false },
  { status: "fail", met: true },
  { status: "pass", met: false },
  { status: "unknown", met: false },
  { status: "error", met: false },
] as [Verdict, Verdict, Verdict, Verdict, Verdict, Verdict];

it.each([
  [0, "all pass", [passed, passed]],
  [0, "a failure was expected", [passed, asExpected]],
  [1, "one fails", [passed, failed]],
  [1, "one passes that should fail", [passed, unexpectedPass]],
  [1, "one could not be judged", [passed, unknown]],
  [1, "nothing was run", []],
  [4, "an engine broke, whatever else failed", [passed, failed, broken]],
])("is %i when %s", (code, _, verdicts) => {
  expect(exitCodeFor(verdicts)).toBe(code);
});
