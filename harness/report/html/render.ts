/** Renders verdicts as one self-contained HTML file. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { harmless } from "../../trace/harmless.ts";
import { harmlessVerdict } from "../../verdict/harmless.ts";
import type { Verdict } from "../../verdict/schema.ts";
import { countsText } from "../../verdict/words/outcome.ts";
import { packVerdicts } from "./packed.ts";
import type { PastResult } from "./trend.ts";
import { pageScript, pageStyle } from "./page.generated.ts";

/** Data above this many characters are compressed. */
const plainDataLimit = 300_000;

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
}

/** JSON that can't end a script element. */
function embedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

/** Data of the page: plain JSON, or when that is large, a JSON string of gzip in base64. */
function embedData(verdicts: readonly Verdict[], history: readonly PastResult[]): string {
  const json = embedJson(packVerdicts(verdicts, history));
  return json.length <= plainDataLimit ? json : JSON.stringify(gzipSync(json).toString("base64"));
}

function hashSource(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function titleOf(verdicts: readonly Verdict[]): string {
  const [only] = verdicts;
  const subject = verdicts.length === 1 && only ? `${only.case}: ` : "";
  return `${subject}${countsText(verdicts) || "no cases"} · lockstep`;
}

/**
 * One HTML document with everything in it: opens from file://, makes no request, and runs only the script whose hash
 * its content security policy names. Numbers are rounded to the digits that are shown. `history` are the results of
 * earlier nights: cases that are in it show how they went.
 */
export function renderHtml(given: readonly Verdict[], history: readonly PastResult[] = []): string {
  const verdicts = given.map(harmlessVerdict);
  const policy = [
    "default-src 'none'",
    `script-src ${hashSource(pageScript)}`,
    `style-src ${hashSource(pageStyle)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(titleOf(verdicts))}</title>
<style>${pageStyle}</style>
</head>
<body>
<div id="root"><noscript><main><h1>lockstep</h1><p>${escapeHtml(titleOf(verdicts))}. The details need JavaScript.</p></main></noscript></div>
<script type="application/json" id="data">${embedData(verdicts, harmless(history))}</script>
<script type="module">${pageScript}</script>
</body>
</html>
`;
}
