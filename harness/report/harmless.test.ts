/** Every format, with engines whose every text tries to be more than text. */
import { describe, expect, it } from "vitest";
import { renderAnnotations } from "./annotations.ts";
import { plainVerdict } from "./findings.ts";
import { renderHtml } from "./html/render.ts";
import { renderJunit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";
import { renderSarif } from "./sarif.ts";
import { renderVerdict } from "./terminal.ts";
import { activeText, hostileError, hostileTexts, hostileVerdict } from "./test-hostile.ts";

const formats = {
  terminal: renderVerdict,
  plain: plainVerdict,
  markdown: (verdict) => renderMarkdown([verdict]),
  junit: (verdict) => renderJunit([verdict]),
  sarif: (verdict) => JSON.stringify(JSON.parse(renderSarif([verdict], "1.0.0")), (_, value: unknown) => value),
  annotations: (verdict) => renderAnnotations([verdict]).join("\n"),
  html: (verdict) => /<script type="application\/json" id="data">(.*)<\/script>/.exec(renderHtml([verdict]))![1]!,
} as const satisfies Record<string, typeof renderVerdict>;

describe.each(Object.entries(formats))("%s", (format, render) => {
  it.each(hostileTexts)("shows a failing verdict of %j as text", (text) => {
    expect(render(hostileVerdict(text))).not.toMatch(activeText);
  });

  it.each(hostileTexts)("shows an error of %j as text", (text) => {
    const shown = render(hostileError(text));
    expect(shown).not.toMatch(activeText);
    if (format === "terminal" || format === "plain")
      for (const line of shown.split("\n").slice(1)) expect(line).toMatch(/^ {3}/);
  });
});

describe("the terminal", () => {
  it("marks every further line of an engine's message, so that none looks like one of lockstep's", () => {
    const shown = plainVerdict(hostileError("it broke\n PASS  llama/text\r\nok   1 pass"));
    expect(shown).toContain("   it broke\n   |  PASS  llama/text\n   | ok   1 pass\n");
    expect(shown).not.toMatch(/^(ok| PASS)/m);
  });
});
