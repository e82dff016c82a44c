import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { EnvironmentError, UsageError } from "./errors.ts";
import { testFolder } from "./test-folder.ts";
import { writeWhole } from "./whole-file.ts";

let folder = "";
beforeEach(() => void (folder = testFolder()));

it("a file is written with its folders, and nothing beside it", () => {
  const file = join(folder, "a", "b.txt");
  expect(writeWhole(file, "one")).toBe(file);
  writeWhole(file, "two");
  expect([readFileSync(file, "utf8"), readdirSync(join(folder, "a"))]).toEqual(["two", ["b.txt"]]);
});

it("a symbolic link stays one, and what it leads to is written", () => {
  writeFileSync(join(folder, "file"), "old");
  symlinkSync("file", join(folder, "link"));
  symlinkSync("new", join(folder, "dangling"));
  writeWhole(join(folder, "link"), "one");
  writeWhole(join(folder, "dangling"), "two");
  expect(["link", "dangling"].map((name) => lstatSync(join(folder, name)).isSymbolicLink())).toEqual([true, true]);
  expect(["file", "new"].map((name) => readFileSync(join(folder, name), "utf8"))).toEqual(["one", "two"]);
});

it("a pipe is written to, and stays one", async () => {
  const pipe = join(folder, "pipe");
  spawnSync("mkfifo", [pipe]);
  const reader = spawn("cat", [pipe]);
  let read = "";
  reader.stdout.on("data", (chunk: Buffer) => (read += chunk.toString()));
  const ended = once(reader, "close");
  writeWhole(pipe, "through it");
  await ended;
  expect([read, lstatSync(pipe).isFIFO(), readdirSync(folder)]).toEqual(["through it", true, ["pipe"]]);
});

it("a device is written to, and stays one", () => {
  writeWhole("/dev/null", "nothing");
  expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
});

it("a full device is a lack of the machine, and named", () => {
  expect(() => writeWhole("/dev/full", "too much")).toThrow(EnvironmentError);
  expect(() => writeWhole("/dev/full", "too much")).toThrow("/dev/full can't be used: no space is left on its device");
});

it("a name that can't be a file's is the user's matter", () => {
  mkdirSync(join(folder, "folder"));
  writeFileSync(join(folder, "file"), "");
  for (const name of ["folder", "file/report.html", "x".repeat(300)])
    expect(() => writeWhole(join(folder, name), ""), name).toThrow(UsageError);
  expect(existsSync(join(folder, "folder.tmp"))).toBe(false);
});
