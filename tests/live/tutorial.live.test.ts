/**
 * docs/tutorial.md, line by line: its files are those of examples/, its commands are run in an empty folder, and do
 * what it says.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot, referenceEngine } from "../../harness/engine/registry.ts";
import { requirementFiles } from "../../harness/engine/pool.ts";
import { ensureEnvironment } from "../../harness/setup/python.ts";
import { withoutRatios } from "../support/figures.ts";
import { installPackage } from "../support/installed.ts";
import { livePool } from "../support/live.ts";

const page = join(packageRoot, "docs", "tutorial.md");
const text = readFileSync(page, "utf8");

interface Block {
  readonly language: string;
  readonly fails: boolean;
  /** The file of the repository that it shows, as the page names it. */
  readonly file: string | null;
  readonly body: string;
}

/** The fenced blocks in order. */
const blocks: readonly Block[] = [...text.matchAll(/(?:<!-- file: (\S+) -->\n\n)?```(\w*)( fails)?\n(.*?)\n```/gs)].map(
  ([, file, language, fails, body]) => ({
    language: language!,
    fails: fails !== undefined,
    file: file ?? null,
    body: body!,
  }),
);

describe("the tutorial", () => {
  it("shows the files of examples/ as they are", () => {
    const shown = blocks.filter(({ file }) => file !== null);
    expect(shown).toHaveLength(2);
    for (const { file, body } of shown)
      expect(readFileSync(join(dirname(page), file!), "utf8").trimEnd(), file!).toBe(body);
  });

  it.skipIf(livePool === null)("does what it says, command by command", async () => {
    using repository = installPackage();
    const folder = join(repository.folder, "parity");
    const { python } = await ensureEnvironment(requirementFiles(referenceEngine()), () => undefined);
    const links = join(repository.folder, "bin");
    mkdirSync(links);
    symlinkSync(
      join(repository.folder, "node_modules", "lockstep", "harness", "cli", "bin.mjs"),
      join(links, "lockstep"),
    );
    const environment = {
      ...process.env,
      NO_COLOR: "1",
      PATH: [links, dirname(python), process.env["PATH"]].join(delimiter),
    };
    const printed: string[] = [];
    for (const [place, { language, fails, file, body }] of blocks.entries()) {
      if (file !== null) {
        const name = file.slice(file.indexOf("protocol-engine/") + "protocol-engine/".length);
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), `${body}\n`);
      } else if (language === "sh")
        for (const command of body.split("\n")) {
          if (command.startsWith("npm ")) continue; // what it would install has been linked
          if (command === "mkdir parity" || command === "cd parity") {
            mkdirSync(folder, { recursive: true });
            continue;
          }
          // `npx lockstep` is the lockstep that the folder has.
          const { status, stdout, stderr } = spawnSync(
            "bash",
            ["--noprofile", "--norc", "-c", command.replace(/^npx /, "")],
            {
              ...{ cwd: folder, env: environment, encoding: "utf8" },
            },
          );
          printed.push(stdout + stderr);
          expect(status, `${command}\n${stdout}${stderr}`).toBe(fails ? 1 : 0);
        }
      else if (language === "") expectPrinted(printed.at(-1)!, body, place);
    }
    expect(existsSync(join(folder, "report.html"))).toBe(true);
    expect(existsSync(join(folder, "golden", "bare_llama"))).toBe(true);
  });
});

/** Every line that the page shows was printed, but for times and for how large a ratio is. */
function expectPrinted(output: string, shown: string, place: number): void {
  const printed = withoutRatios(output);
  for (const line of withoutRatios(shown).split("\n"))
    expect(printed, `block ${place}: ${line}`).toContain(line.trimEnd());
}
