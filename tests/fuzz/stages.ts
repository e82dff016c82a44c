/** The fuzz stages as tests, seeded: `counts` say how many of each. */
import { expect, it } from "vitest";
import { createSpool, removeSpool } from "../../harness/engine/spool.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";
import type { Stage } from "./files.ts";
import { fuzzFiles } from "./files.ts";
import { fuzzJson } from "./json.ts";
import { killCommands } from "./kills.ts";
import { fuzzMessages } from "./messages.ts";

/** Registers the tests of all stages. */
export function testStages(
  seed: number,
  counts: { readonly files: number; readonly messages: number; readonly json: number; readonly kills: number },
): void {
  const check = (stage: string, { accepted, refused, problems }: Stage): void => {
    const all = accepted + refused;
    process.stderr.write(`fuzz   ${stage}   ${all}: ${accepted} accepted, ${refused} refused, seed ${seed}\n`);
    expect(problems).toEqual([]);
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  };

  it("safetensors files in the spool are read, or refused in the sender's name", () => {
    const spool = createSpool();
    try {
      check("safetensors files", fuzzFiles({ seed, count: counts.files, spool }));
    } finally {
      removeSpool(spool);
    }
  });

  it("messages of an engine are taken, or end it in a sentence", async () => {
    check("messages", await fuzzMessages({ seed, count: counts.messages }));
  });

  it("verdicts, shards, jobs, configs, engine.json and goldens are read, or refused in a sentence", () => {
    check("JSON files and goldens", fuzzJson({ seed, count: counts.json, folder: testFolder() }));
  });

  it("commands that are killed at any moment leave nothing but what the next one removes", async () => {
    const options = { seed, count: counts.kills, folder: testFolder(), longest: 3000 };
    const { kills, late, problems } = await killCommands(options);
    process.stderr.write(`fuzz   kills   ${kills}, ${late} of them too late, seed ${seed}\n`);
    expect(problems).toEqual([]);
  });
}
