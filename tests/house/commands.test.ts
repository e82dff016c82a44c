/** docs/commands.md says everything that the program knows, and nothing else; so does README's table of commands. */
import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../harness/cli/program.ts";
import { packageRoot } from "../../harness/engine/registry.ts";

const page = readFileSync(join(packageRoot, "docs", "commands.md"), "utf8");

/** Every command with the words that call it: "lockstep golden check". */
function walk(command: Command, before: string): [string, Command][] {
  return command.commands.flatMap((child) => {
    const words = `${before} ${child.name()}`;
    return [[words, child] as [string, Command], ...walk(child, words)];
  });
}

/** The text below a heading, up to the next one. */
function sectionOf(words: string): string {
  const [, ...sections] = page.split(/^#{2,3} /m);
  return sections.find((section) => section.startsWith(`${words}\n`)) ?? "";
}

/** A default as the page would name it; nothing where it is a path of this machine, or a flag. */
const named = (value: unknown): string[] =>
  [value]
    .flat()
    .flatMap((one) => (["string", "number"].includes(typeof one) && !isAbsolute(`${one}`) ? [`${one}`] : []));

const program = createProgram();
const commands = walk(program, "lockstep");

describe.each(commands)("%s", (words, command) => {
  const section = sectionOf(words);
  const lines = section.split("\n").filter((line) => line.startsWith("- "));

  it("has a section that shows how it is called", () => {
    const called = command.registeredArguments.map((argument) => {
      const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
      return argument.required ? `<${name}>` : `[${name}]`;
    });
    const wanted = command.registeredArguments.length > 0 ? `\`${[words, ...called].join(" ")}\`` : words;
    expect(section).toContain(wanted);
  });

  it.each(command.options.map((option) => [option.flags, option] as const))("says what %s does", (flags, option) => {
    const line = lines.find((text) => flags.split(", ").every((flag) => text.includes(`\`${flag}\``))) ?? "";
    expect(line).toMatch(/: [A-Z].*\.$/);
    for (const value of named(option.defaultValue)) expect(line).toContain(value);
  });

  it("is said to have no option that it hasn't", () => {
    const known = command.options.flatMap(({ flags }) => flags.split(", "));
    const said = lines.flatMap((line) => [...line.split(": ")[0]!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
    expect(said.filter((flags) => !known.includes(flags))).toEqual([]);
  });
});

it("the page has no section for a command that isn't there", () => {
  const headings = [...page.matchAll(/^#{2,3} (.*)$/gm)].map((match) => match[1]!);
  expect(headings.filter((words) => !commands.some(([known]) => known === words))).toEqual([]);
});

it("README names every command in one line, with a link to its section", () => {
  const readme = readFileSync(join(packageRoot, "README.md"), "utf8");
  const missing = program.commands.filter(
    (command) => !readme.includes(`[\`lockstep ${command.name()}\`](docs/commands.md#lockstep-${command.name()})`),
  );
  expect(missing.map((command) => command.name())).toEqual([]);
});
