#!/usr/bin/env node
// Entry of the `lockstep` command: checks the Node version in old syntax, then starts the real one.
import { existsSync } from "node:fs";

if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(
    `lockstep: expected Node 24 or newer, found ${process.versions.node}. In a clone, use npm start: it fetches Node 24.`,
  );
  process.exit(3);
}
// A clone runs its sources; the published package holds only what was built from them.
const source = new URL("./main.ts", import.meta.url);
await import(existsSync(source) ? source.href : new URL("../../dist/harness/cli/main.js", import.meta.url).href);
