import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkpointCase } from "./checkpoint.ts";
import { testFolder } from "../trace/test-folder.ts";

const ids = [3, 4, 5, 6, 7, 8];

/** The names of the phases for a checkpoint of `architecture`. */
function phasesOf(architecture: string): string[] {
  const directory = testFolder();
  writeFileSync(join(directory, "config.json"), JSON.stringify({ architectures: [architecture] }));
  return checkpointCase(directory, ids).phases.map(({ name, start, end }) => `${name} ${start}-${end}`);
}

test.each(["LlamaForCausalLM", "GPT2LMHeadModel", "Gemma3ForConditionalGeneration"])("%s decodes", (architecture) => {
  expect(phasesOf(architecture)).toEqual([
    "prefill 0-2",
    "decode:1 2-3",
    "decode:2 3-4",
    "decode:3 4-5",
    "decode:4 5-6",
    "full 0-6",
  ]);
});

test.each(["BertModel", "AlbertForMaskedLM"])("%s reads the tokens once", (architecture) => {
  expect(phasesOf(architecture)).toEqual(["full 0-6"]);
});

test("too few tokens are refused with what to do", () => {
  const directory = testFolder();
  writeFileSync(join(directory, "config.json"), "{}");
  expect(() => checkpointCase(directory, [3, 4], 2)).toThrow(
    "--checkpoint needs --ids or a --text of more than 2 tokens, found 2; give more, or fewer steps with --decode",
  );
});
