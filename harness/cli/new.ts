import { resolve } from "node:path";
import type { Command } from "commander";
import { packageRoot } from "../engine/registry.ts";
import { createPool } from "../engine/pool.ts";
import { loadScaffold } from "../engine/scaffold.ts";
import { writeSkeleton } from "./skeleton.ts";
import { readUserObject } from "../trace/user-file.ts";
import { say } from "./output.ts";

interface Flags {
  readonly into: string;
  readonly engine: string;
  readonly architecture?: string;
  readonly config?: string;
}

/**
 * `lockstep new`: the skeleton of an architecture for an engine that brings a scaffold, from the reference's module
 * tree.
 */
export function addNew(program: Command): void {
  program
    .command("new")
    .description(
      "write the skeleton of an architecture for the TypeScript engine: config, classes, a case; overwrites nothing",
    )
    .argument("<model_type>", "the model_type of a causal language model of transformers, such as starcoder2")
    .option("--architecture <class>", "a class other than the one that AutoModelForCausalLM takes")
    .option("--config <file>", "fields of the tiny config that it is built from, as JSON")
    .option("--engine <name>", "the engine that the architecture is for", "typescript")
    .option("--into <folder>", "the repository", packageRoot)
    .action(async (model_type: string, { into, engine, architecture, config }: Flags) => {
      const folder = resolve(into);
      const scaffold = await loadScaffold(engine);
      const pool = createPool({ report: say });
      try {
        const reference = await pool.reference();
        const outline = await reference.request("outline", {
          model_type,
          ...(architecture !== undefined && { architecture }),
          ...(config !== undefined && { config: readUserObject(config, "config fields as JSON") }),
        });
        const { files, next } = scaffold(outline, folder);
        const written = writeSkeleton(folder, files);
        for (const file of written) say(`wrote  ${file}`);
        say(`next   npx prettier --write ${written.join(" ")}`);
        for (const line of next) say(`       ${line}`);
      } finally {
        await pool.close();
      }
    });
}
