import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { packageRoot } from "../engine/registry.ts";
import { publishedSchemas } from "./json-schemas.ts";
import { say } from "./output.ts";

/**
 * `lockstep schemas`: writes the published JSON Schemas of protocol and verdict, for a folder of one's own or docs/.
 */
export function addSchemas(program: Command): void {
  program
    .command("schemas")
    .description("write the JSON Schemas of protocol and verdict")
    .argument("[folder]", "where to", join(packageRoot, "docs"))
    .action((folder: string) => {
      for (const [name, schema] of Object.entries(publishedSchemas())) {
        writeFileSync(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`);
        say(`wrote ${join(folder, name)}`);
      }
    });
}
