import { describe, expect, it } from "vitest";
import { UsageError } from "./errors.ts";
import { checkName } from "./names.ts";

describe("a name", () => {
  it.each(["2026-11-26", "2026-11-26.2", "0123456789abcdef01234567", "open-s1", "_x"])("%j is one", (name) => {
    expect(checkName(name, "key")).toBe(name);
  });

  it.each([
    ...["", ".", "..", "../x", "..\\x", "/etc/passwd", "a/b", "C:x", ".hidden", "-rf", "a b", "a\nb", "a\n", "a\0b"],
    ...["é", "a\u202eb", "x".repeat(101), "%2e%2e%2f", "~root", "$HOME", "a*"],
  ])("%j is none", (name) => {
    expect(() => checkName(name, "key")).toThrow(UsageError);
  });
});
