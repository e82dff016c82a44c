// Copies the texts of the repository to where VitePress builds the site from: it finds its own packages beside them.
import { copyFileSync, globSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const pages = join(here, "pages");

rmSync(pages, { recursive: true, force: true });
for (const file of globSync(["{README,CONTRIBUTING,SECURITY,CHANGELOG}.md", "docs/*.{md,svg}"], { cwd: root })) {
  mkdirSync(dirname(join(pages, file)), { recursive: true });
  copyFileSync(join(root, file), join(pages, file));
}
