import { resolve } from "node:path";
import type { Command } from "commander";
import { chooseEngine } from "../engine/registry.ts";
import { skeletonFiles, writeSkeleton } from "./skeleton.ts";
import { say } from "./output.ts";

/** `lockstep init`: a first case, its golden, a vitest file and a CI job in the user's repository. */
export function addInit(program: Command): void {
  program
    .command("init")
    .description("write a first case, a vitest file and a CI job into a repository; overwrites nothing")
    .argument("[folder]", "the repository", ".")
    .option("--engine <name>", "engine under test: typescript, torch:file.py:factory, cmd:<command>", "typescript")
    .action((folder: string, { engine }: { engine: string }) => {
      chooseEngine(engine);
      for (const file of writeSkeleton(resolve(folder), skeletonFiles(engine))) say(`wrote  ${file}`);
      say("next   npm install --save-dev lockstep vitest");
      say("       npx vitest run --config vitest.lockstep.config.ts");
    });
}
