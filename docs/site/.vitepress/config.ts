/** The site of README, CONTRIBUTING, CHANGELOG, docs/ and the API, as VitePress builds it. */
import { defineConfig } from "vitepress";

const page = (text: string, name: string) => ({ text, link: `/docs/${name}` });

/** Links to sources, folders and reports of the repository, which are no pages of the site. */
const isElsewhere = (link: string): boolean =>
  /\.(ts|tsx|py|json|mjs|yml|svg)([#?]|$)|\/$|^\.\.?\/?$|(^|\/)(cases|engines|examples|reports)\//.test(link);

export default defineConfig({
  title: "lockstep",
  description: "Where, and why, an inference engine stops being the model it claims to run.",
  srcDir: "pages",
  rewrites: { "README.md": "index.md" },
  outDir: "../../reports/site",
  cacheDir: ".vitepress/cache",
  cleanUrls: false,
  lastUpdated: false,
  ignoreDeadLinks: [isElsewhere],
  // Texts name generics and placeholders such as <model_type>: they are text here, never components.
  markdown: { html: false, theme: { light: "github-light-high-contrast", dark: "github-dark" } },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Tutorial", link: "/docs/tutorial" },
      { text: "Method", link: "/docs/method" },
      { text: "API", link: "/api/" },
      { text: "Changes", link: "/CHANGELOG" },
    ],
    sidebar: [
      {
        text: "Start",
        items: [{ text: "What it is", link: "/" }, page("Tutorial", "tutorial"), page("Commands", "commands")],
      },
      {
        text: "Add",
        items: [
          page("An engine", "new-engine"),
          page("An architecture", "new-architecture"),
          page("A case", "new-case"),
        ],
      },
      { text: "Use", items: [page("In tests", "vitest"), page("In CI", "ci"), page("Every night", "nightly")] },
      {
        text: "Know",
        items: [
          page("Method", "method"),
          page("Protocol", "protocol"),
          page("The TypeScript engine", "typescript-engine"),
          page("Calibration", "calibration"),
          page("Self-test", "selftest"),
        ],
      },
      {
        text: "Contribute",
        items: [
          { text: "Contributing", link: "/CONTRIBUTING" },
          { text: "API", link: "/api/" },
        ],
      },
    ],
  },
});
