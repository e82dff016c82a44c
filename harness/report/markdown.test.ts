import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import { XMLParser } from "fast-xml-parser";
import { describe, expect, it } from "vitest";
import { explainedVerdict } from "./html/test-explanations.ts";
import { errorVerdict, liveVerdict } from "./html/test-verdicts.ts";
import { sampleVerdicts } from "./html/test-samples.ts";
import { renderMarkdown } from "./markdown.ts";
import { plainLine } from "../trace/harmless.ts";
import { code, fenced, text } from "./markdown-escape.ts";
import { hostileTexts, hostileVerdict } from "./test-hostile.ts";

/** Renders Markdown as HTML in GitHub's dialect. */
function toHtml(markdown: string): string {
  return micromark(markdown, { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });
}

function textOf(html: string): string {
  const parser = new XMLParser({ preserveOrder: true, trimValues: false, htmlEntities: true });
  const collect = (node: unknown): string =>
    Array.isArray(node)
      ? node.map(collect).join("")
      : Object.entries(node as object)
          .map(([key, value]) => (key === "#text" ? String(value) : key === ":@" ? "" : collect(value)))
          .join("");
  return collect(parser.parse(`<root>${html}</root>`));
}

const tagsOf = (html: string) => new Set([...html.matchAll(/<([a-z]\w*)/g)].map((match) => match[1]));

/** Texts as a report may show them: one harmless line. */
function shown(raw: string): string {
  return plainLine(raw).replaceAll(/\s+/g, " ").trim();
}

describe("renderMarkdown", () => {
  it("shows a table of cases, failures first, and the cause with both distances", () => {
    expect(renderMarkdown([liveVerdict(), explainedVerdict()]).replace(/<details>[^]*/, "")).toMatchInlineSnapshot(`
      "### lockstep: 1 pass, 1 fail

      |  | case | engine | sites | worst | power |
      | --- | --- | --- | --: | --: | --: |
      | ❌ fail | \`gemma4_unified/decode-scale\` | typescript vs transformers 5.24.0, float32 | 1302/1302 | 1,307,904x |  |
      | ✅ pass | \`gemma4_unified/tiny\` | typescript vs transformers 5.24.0, float32 | 1302/1302 | 1.44x |  |

      #### \`gemma4_unified/decode-scale\`: fail

      - **where** \`model.language_model.layers.3.self_attn#scores\` in \`prefill\`
        - **what** 1,283,183x noise; head 2 of 6; tokens from 8 on, of 24
        - **cause** the number in &#96;mul&#96; is 0.267261 (1/sqrt(text_config.head_dim 14)), the reference has 1, in decode:1 only, not in prefill
        - **evidence** 1,283,183x noise from the reference, 1.10x from the reference with this change
        - **reference** \`lockstep_reference/attention.py:34: scores = query @ key.mT * scaling\`
        - **also** the same, in decode:1

      "
    `);
  });

  it("is a table with a row for each case, as GitHub's dialect reads it", () => {
    const html = toHtml(renderMarkdown(sampleVerdicts()));
    expect(html.match(/<tr>/g)).toHaveLength(1 + sampleVerdicts().length);
    expect(html.match(/<th[ >]/g)).toHaveLength(6);
    expect(html.match(/<td/g)).toHaveLength(6 * sampleVerdicts().length);
  });

  it("gives the remedy of a broken engine", () => {
    expect(renderMarkdown([errorVerdict()])).toContain("**do** Run the command by itself");
  });

  it("stays within what a comment holds, counting what it leaves out", () => {
    const failing = explainedVerdict();
    const many = Array.from({ length: 400 }, () => failing);
    const summary = renderMarkdown(many);
    expect(summary.length).toBeLessThan(65_536);
    expect(summary).toMatch(/\d+ more failing cases/);
    expect(summary).toContain("400 fail");
  });

  it.each(hostileTexts)("shows hostile names as they are: %j", (name) => {
    const html = toHtml(renderMarkdown([hostileVerdict(name)]));
    const known = ["h3", "h4", "table", "thead", "tbody", "tr", "th", "td", "code", "ul", "li", "strong", "p", "pre"];
    expect([...tagsOf(html)].filter((tag) => ![...known, "details", "summary", "span"].includes(tag!))).toEqual([]);
    expect(html.match(/<td/g)).toHaveLength(6);
    expect(html.match(/<h[1-6]/g)).toHaveLength(2);
    expect(html.match(/<li>/g)!.length).toBeLessThan(40);
  });
});

describe("escaping", () => {
  it.each(hostileTexts)("a parser gives back what was written: %j", (name) => {
    expect(textOf(toHtml(`x ${text(name)} y`)).trim()).toBe(`x ${shown(name)} y`);
    expect(textOf(toHtml(`x ${code(name)} y`)).trim()).toBe(`x ${shown(name)} y`);
    const [row] = /<td>[^]*<\/td>/.exec(toHtml(`| a | b |\n| - | - |\n| ${code(name)} | ${text(name)} |`))!;
    expect(textOf(row).split("\n").map(shown)).toEqual([shown(name), shown(name)]);
  });

  it("nobody is mentioned and nothing is linked", () => {
    expect(text("@someone")).toBe("<span>@</span>someone");
    expect(toHtml(text("see https://g.example, www.g.example, a@b.example"))).not.toContain("<a");
  });

  it("a fence is longer than any in its text", () => {
    expect(fenced("````\nx")).toMatch(/^`{5}text\n/);
  });
});
