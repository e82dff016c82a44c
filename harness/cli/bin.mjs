#!/usr/bin/env node
// Entry of the `lockstep` command, in old syntax: on a Node that is too old it goes on with the pinned one that `npm start` has fetched.
import { existsSync } from "node:fs";
import { dirname, delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { isNewEnough, oldestNode, runAndEnd, unservedPlatform, usableNode } from "../setup/pinned-node.mjs";

const refuse = (message) => {
  console.error(message);
  process.exit(3);
};

const unserved = unservedPlatform();
if (unserved !== null) refuse(unserved);
if (isNewEnough()) {
  // A clone runs its sources; the published package holds only what was built from them.
  const source = new URL("./main.ts", import.meta.url);
  void import(existsSync(source) ? source.href : new URL("../../dist/harness/cli/main.js", import.meta.url).href);
} else {
  const node = usableNode();
  if (node === null)
    refuse(
      `lockstep: expected Node ${oldestNode} or newer, found ${process.versions.node}. In a clone, npm start fetches a Node once, and npx lockstep then uses it.`,
    );
  runAndEnd(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    env: { ...process.env, PATH: dirname(node) + delimiter + process.env.PATH },
  });
}
