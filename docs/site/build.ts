/** `npm run docs`: README, CONTRIBUTING, CHANGELOG and docs/ as a small site of plain HTML in reports/site/, which opens from a file. */
import { cpSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The pages in the order of the menu; what is not listed here follows by name. */
const order = [
  "README.md",
  "docs/tutorial.md",
  "docs/method.md",
  "docs/new-engine.md",
  "docs/new-case.md",
  "docs/typescript-engine.md",
  "docs/vitest.md",
  "docs/ci.md",
  "docs/nightly.md",
];

/** One page. `path` is that of its Markdown in the repository. */
interface Page {
  readonly path: string;
  readonly file: string;
  readonly title: string;
  readonly markdown: string;
}

/** Builds the site into `target` and returns the files of its pages. */
export function buildSite(target: string): string[] {
  const found = globSync("{README,CONTRIBUTING,CHANGELOG}.md", { cwd: root }).concat(
    globSync("docs/*.md", { cwd: root }),
  );
  const paths = [
    ...order.filter((path) => found.includes(path)),
    ...found.filter((path) => !order.includes(path)).toSorted(),
  ];
  const pages = paths.map(readPage);
  const made = `${target}.new`;
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { recursive: true });
  cpSync(fileURLToPath(new URL("style.css", import.meta.url)), join(made, "style.css"));
  for (const image of globSync("docs/*.svg", { cwd: root })) cpSync(join(root, image), join(made, basename(image)));
  for (const page of pages) writeFileSync(join(made, page.file), render(page, pages));
  rmSync(target, { recursive: true, force: true });
  renameSync(made, target);
  return pages.map(({ file }) => file);
}

function readPage(path: string): Page {
  const markdown = readFileSync(join(root, path), "utf8");
  const title = /^# (.+)$/m.exec(markdown)?.[1] ?? basename(path, ".md");
  const file = path === "README.md" ? "index.html" : `${basename(path, ".md").toLowerCase()}.html`;
  return { path, file, title, markdown };
}

function render(page: Page, pages: readonly Page[]): string {
  const menu = pages.map(({ file, title }) => {
    const current = file === page.file ? ' aria-current="page"' : "";
    return `<li><a href="${file}"${current}>${escape(title.replaceAll("`", ""))}</a></li>`;
  });
  const html = micromark(page.markdown.replaceAll(/<!--.*?-->\n*/gs, ""), {
    extensions: [gfm()],
    htmlExtensions: [gfmHtml()],
    allowDangerousHtml: false,
  });
  const linked = html.replaceAll(
    / (href|src)="([^"]+)"/g,
    (_, kind: string, target: string) => ` ${kind}="${link(page, target, pages)}"`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(page.title)}</title>
<link rel="stylesheet" href="style.css">
<nav aria-label="Pages"><a class="wordmark" href="index.html">lockstep</a><ul>${menu.join("")}</ul></nav>
<main>${withIds(linked).replaceAll("<table>", '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>').replaceAll("</table>", "</table></div>")}</main>
</html>
`;
}

/** Where a link of the Markdown leads on the site: to a page, to an image beside it, or to the file's place in the repository as it stands. */
function link(page: Page, target: string, pages: readonly Page[]): string {
  if (/^(?:[a-z]+:|#)/.test(target)) return target;
  const [path = "", fragment] = target.split("#");
  const resolved = join(dirname(page.path), path);
  const other = pages.find((candidate) => candidate.path === resolved);
  if (other) return other.file + (fragment === undefined ? "" : `#${fragment}`);
  if (/^docs\/[^/]+\.svg$/.test(resolved)) return basename(resolved);
  return `../../${resolved}`;
}

/** Headings with the ids that GitHub gives them. */
function withIds(html: string): string {
  return html.replaceAll(/<h([1-6])>(.*?)<\/h\1>/g, (_, level: string, content: string) => {
    const words = content.replaceAll(/<[^>]+>|&\w+;/g, "").toLowerCase();
    const id = words.replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
    return `<h${level} id="${id}">${content}</h${level}>`;
  });
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

if (import.meta.main) {
  const target = join(root, "reports", "site");
  process.stderr.write(`docs   ${buildSite(target).length} pages in reports/site/index.html\n`);
}
