import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { createSpool, removeSpool } from "./spool.ts";

const module = new URL("spool.ts", import.meta.url).href;

/** A process that has a spool and waits, `before` it some code of its own. */
async function start(before = "") {
  const script = `const { createSpool } = await import(${JSON.stringify(module)}); ${before}
    process.stdout.write(createSpool()); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [spool] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  const ended = once(child, "exit") as Promise<[number | null, string | null]>;
  return { child, spool, ended };
}

it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends a process and removes its spool", async (signal) => {
  const { child, spool, ended } = await start();
  expect(existsSync(spool)).toBe(true);
  child.kill(signal);
  expect(await ended).toEqual([null, signal]);
  expect(existsSync(spool)).toBe(false);
});

it("a signal that the process handles leaves the spool until it ends", async () => {
  const { child, spool, ended } = await start(
    "process.on('SIGTERM', () => { process.stderr.write(''); setTimeout(() => process.exit(5), 50); });",
  );
  child.kill("SIGTERM");
  expect(await ended).toEqual([5, null]);
  expect(existsSync(spool)).toBe(false);
});

it("the next spool sweeps what a killed process left, and nothing that is in use or another machine's", async () => {
  const [killed, alive] = [await start(), await start()];
  killed.child.kill("SIGKILL");
  await killed.ended;
  const foreign = join(dirname(killed.spool), `lockstep-00000000-${killed.child.pid}-abcdef`);
  mkdirSync(foreign);
  expect(existsSync(killed.spool)).toBe(true);
  removeSpool(createSpool());
  expect([killed.spool, alive.spool, foreign].map((folder) => existsSync(folder))).toEqual([false, true, true]);
  rmSync(foreign, { recursive: true });
  alive.child.kill();
  await alive.ended;
});
