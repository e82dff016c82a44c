import { describe, expect, it } from "vitest";
import { harmless, plainLine, plainLines, printable, printableJson } from "./harmless.ts";

describe("a line of foreign text", () => {
  it.each<[string, string, string]>([
    ["a colour", "\u001b[31mred\u001b[0m", "red"],
    ["a hidden text", "\u001b[8mhidden", "hidden"],
    ["a title of the window", "a\u001b]0;title\u0007b", "ab"],
    ["a link", "\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["an escape sequence in eight bits", "\u009b2Ja", "a"],
    ["a lone escape", "a\u001b", "a\u{FFFD}"],
    ["a carriage return", "FAIL\rPASS", "FAIL PASS"],
    ["a forged line", "x\n PASS  y", "x  PASS  y"],
    ["forged lines of other kinds", "a\u2028b\u2029c\u0085d\u000be\u000cf", "a b c d e f"],
    ["a backspace, a bell, a nul", "a\b\u0007\0", "a\u{FFFD}\u{FFFD}\u{FFFD}"],
    ["text that runs the other way", "a\u202eb\u2066c", "a\u{FFFD}b\u{FFFD}c"],
    ["text of no width", "a\u200b\u{e0041}b", "a\u{FFFD}\u{FFFD}b"],
    ["half a character", "a\ud800", "a\u{FFFD}"],
    ["a command of GitHub", "::error file=x::y", String.raw`\::error file=x::y`],
    ["a command of GitHub, moved in", "\t ::stop-commands::x", String.raw`  \::stop-commands::x`],
    ["a command behind an escape", "\u001b[0m::add-mask::x", String.raw`\::add-mask::x`],
    ["a command behind a line break", "\n::error::x", String.raw` \::error::x`],
    ["a command of old runners", "a ##[error]x", String.raw`a #\#[error]x`],
    ["commands of Azure and TeamCity", "##vso[task] ##teamcity[x]", String.raw`#\#vso[task] #\#teamcity[x]`],
    ["nothing", "model.layers.0.mlp:out@full_attention", "model.layers.0.mlp:out@full_attention"],
    ["other writing", "größer 日本 🦆", "größer 日本 🦆"],
  ])("with %s", (_, text, shown) => {
    expect(plainLine(text)).toBe(shown);
    expect(plainLine(shown)).toBe(shown);
  });

  it("can be one of several", () => {
    expect(plainLines("a\r\n::error::x\rb")).toEqual(["a", String.raw`\::error::x`, "b"]);
  });
});

it("data is made harmless to its depth, names of fields too", () => {
  const data = { "a\n": [{ b: "\u001b[31mx" }], count: 3, none: null };
  expect(harmless(data)).toEqual({ "a ": [{ b: "x" }], count: 3, none: null });
});

describe("what is written to a terminal", () => {
  it("keeps lockstep's styles and lines, and nothing else", () => {
    expect(printable("\u001b[1mBold\u001b[22m\n\u001b[32mgreen\u001b[39m")).toBe(
      "\u001b[1mBold\u001b[22m\n\u001b[32mgreen\u001b[39m",
    );
    expect(printable("\u001b[8m\u001b[2J\u001b[1mx\ry\u0007")).toBe("\u001b[1mx y\u{FFFD}");
  });

  it.each(["::error::x", "  ::error::x", "\u001b[1m::error::x", "a\n \u001b[2m ::error::x"])(
    "holds no command: %j",
    (text) => {
      expect(printable(text)).not.toMatch(/^(\s|\u001b\[\d+m)*::/m); // oxlint-disable-line no-control-regex
    },
  );

  it("is JSON of the same value without active characters", () => {
    const value = { "\u009bx": "a\u202e\u007f\u2028\n\u{e0041}🦆" };
    const text = printableJson(value);
    expect(JSON.parse(text)).toEqual(value);
    expect(text).not.toMatch(/[\u007f-\u009f\u202e\u2028\u{e0041}]/u);
    expect(text).toContain("🦆");
  });
});
