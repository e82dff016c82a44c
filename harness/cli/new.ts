import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { packageRoot } from "../engine/registry.ts";
import { createPool } from "../run/engines.ts";
import { architectureFiles, registryLine } from "../run/new-architecture.ts";
import { writeSkeleton } from "../run/skeleton.ts";
import { UsageError } from "../trace/errors.ts";
import { say } from "./output.ts";

interface Flags {
  readonly into: string;
  readonly architecture?: string;
  readonly config?: string;
}

/** `lockstep new`: the skeleton of an architecture of the TypeScript engine, from the reference's module tree. */
export function addNew(program: Command): void {
  program
    .command("new")
    .description(
      "write the skeleton of an architecture for the TypeScript engine: config, classes, a case; overwrites nothing",
    )
    .argument("<model_type>", "the model_type of a causal language model of transformers, such as starcoder2")
    .option("--architecture <class>", "a class other than the one that AutoModelForCausalLM takes")
    .option("--config <file>", "fields of the tiny config that it is built from, as JSON")
    .option("--into <folder>", "the repository", packageRoot)
    .action(async (model_type: string, { into, architecture, config }: Flags) => {
      const folder = resolve(into);
      const models = "engines/typescript/models";
      const inert = inertKeys(join(folder, "engines/typescript/layers/config_schema.ts"));
      const pool = createPool({ report: say });
      try {
        const reference = await pool.reference();
        const outline = await reference.request("outline", {
          model_type,
          ...(architecture !== undefined && { architecture }),
          ...(config !== undefined && { config: readConfig(config) }),
        });
        const files = architectureFiles(outline, { models, cases: "cases" }, inert);
        const written = writeSkeleton(folder, files);
        for (const file of written) say(`wrote  ${file}`);
        say(`next   npx prettier --write ${written.join(" ")}`);
        say(`       ${models}/registry.ts: ${registryLine(outline)}`);
        say(`       write the forwards ("not written"), then: npx lockstep run ${model_type}`);
      } finally {
        await pool.close();
      }
    });
}

function readConfig(file: string): Record<string, unknown> {
  if (!existsSync(file)) throw new UsageError(`${file}: no such file; expected config fields as JSON`);
  const config: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (typeof config === "object" && config !== null && !Array.isArray(config)) return config as Record<string, unknown>;
  throw new UsageError(`${file}: expected a JSON object, found ${JSON.stringify(config)}`);
}

/** The keys that the engine drops from every config, as its schema file lists them; none where there is no such list. */
function inertKeys(file: string): string[] {
  if (!existsSync(file))
    throw new UsageError(`${file}: no such file; expected a clone of lockstep: give its folder with --into`);
  const list = /const inert = \[([\s\S]*?)\]/.exec(readFileSync(file, "utf8"))?.[1] ?? "";
  return [...list.matchAll(/"([^"]*)"/g)].flatMap(([, line]) => line!.split(" "));
}
