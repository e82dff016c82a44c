import type { Command } from "commander";
import { chooseEngine } from "../engine/registry.ts";
import { defineCase } from "../case/case.ts";
import type { Case } from "../case/case.ts";
import { casesFolder, loadCases, selectCases } from "../case/discover.ts";
import { shapeInputsFor } from "../case/shapes-inputs.ts";
import { runShapesCase } from "../run/shapes.ts";
import { readUserObject } from "../trace/user-file.ts";
import { judgeAll } from "./judge-all.ts";

/** `lockstep shapes`: compares all shapes of a config of any size, without weights. */
export function addShapes(program: Command): void {
  program
    .command("shapes")
    .description("compare the shapes of every site from a config alone: full size, no weights, seconds")
    .argument("<config.json or case...>", "a Hugging Face config file, or cases")
    .option("--engine <name>", "engine under test", "typescript")
    .option("--json", "verdicts as JSON on stdout")
    .action(async (targets: string[], flags: { engine: string; json?: boolean }) => {
      chooseEngine(flags.engine); // refuses an unknown one before anything starts
      await judgeAll({
        cases: (await Promise.all(targets.map(casesOf))).flat(),
        json: flags.json,
        prepare: async (pool) => {
          await pool.reference(); // without one there is nothing to compare with, whatever the case
          return (testCase) => runShapesCase(pool, testCase, testCase.fault ? {} : { engine: flags.engine });
        },
      });
    });
}

async function casesOf(target: string): Promise<Case[]> {
  if (!target.endsWith(".json")) {
    const cases = selectCases(await loadCases(casesFolder()), [target]);
    return Promise.all(
      cases.map(async (testCase) =>
        testCase.kind === "shapes" ? testCase : { ...testCase, inputs: await inputsOf(testCase.config) },
      ),
    );
  }
  const config = readUserObject(target, "a config.json or a case name");
  const type = typeof config["model_type"] === "string" ? config["model_type"] : "model";
  return [
    defineCase({
      name: `${type.replaceAll(/[^a-z0-9_]/g, "_")}/config`,
      title: target,
      kind: "shapes",
      config,
      inputs: await inputsOf(config),
    }),
  ];
}

async function inputsOf(config: Case["config"]): Promise<Case["inputs"]> {
  const make = await shapeInputsFor(config, casesFolder());
  return (length) => make(config, length);
}
