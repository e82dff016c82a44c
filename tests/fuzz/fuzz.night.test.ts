/** The fuzz stages, seeded: 10,000 files and messages, and 100 kills. `npm run test:night`. */
import { expect, it } from "vitest";
import { createSpool, removeSpool } from "../../harness/engine/spool.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";
import type { Stage } from "./files.ts";
import { fuzzFiles } from "./files.ts";
import { fuzzJson } from "./json.ts";
import { killCommands } from "./kills.ts";
import { fuzzMessages } from "./messages.ts";

const seed = 2;

function check(stage: string, { accepted, refused, problems }: Stage): void {
  process.stderr.write(
    `fuzz   ${stage}   ${accepted + refused}: ${accepted} accepted, ${refused} refused, seed ${seed}\n`,
  );
  expect(problems).toEqual([]);
  expect(Math.min(accepted, refused)).toBeGreaterThan(0);
}

it("safetensors files in the spool are read, or refused in the sender's name", () => {
  const spool = createSpool();
  try {
    check("safetensors files", fuzzFiles({ seed, count: 4000, spool }));
  } finally {
    removeSpool(spool);
  }
});

it("messages of an engine are taken, or end it in a sentence", async () => {
  check("messages", await fuzzMessages({ seed, count: 3000 }));
});

it("verdicts, shards, jobs, configs, engine.json and goldens are read, or refused in a sentence", () => {
  check("JSON files and goldens", fuzzJson({ seed, count: 3000, folder: testFolder() }));
});

it("commands that are killed at any moment leave nothing but what the next one removes", async () => {
  const { kills, late, problems } = await killCommands({ seed, count: 100, folder: testFolder(), longest: 3000 });
  process.stderr.write(`fuzz   kills   ${kills}, ${late} of them too late, seed ${seed}\n`);
  expect(problems).toEqual([]);
});
