import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { testFolder } from "../trace/test-folder.ts";
import { takeLock, withLock } from "./lock.ts";

const module = new URL("lock.ts", import.meta.url).href;
const file = (): string => join(testFolder(), "a", "lock");

/** A process that holds the lock until it is killed. */
async function hold(path: string) {
  const script = `const { takeLock } = await import(${JSON.stringify(module)}); globalThis.held = takeLock(${JSON.stringify(path)});
    process.stdout.write("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  return child;
}

it("is held by one at a time, and given back", () => {
  const path = file();
  const first = takeLock(path);
  if (!("lock" in first)) throw new Error("expected the lock");
  expect(takeLock(path)).toEqual({ holder: process.pid });
  first.lock[Symbol.dispose]();
  const second = takeLock(path);
  if (!("lock" in second)) throw new Error("expected the lock");
  second.lock[Symbol.dispose]();
});

it("another process holds it until that is killed, and is named", async () => {
  const path = file();
  const child = await hold(path);
  expect(takeLock(path)).toEqual({ holder: child.pid });
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  const taken = takeLock(path);
  if (!("lock" in taken)) throw new Error("expected the lock of a dead holder to be free");
  taken.lock[Symbol.dispose]();
});

it("a file that is no lock is taken over", () => {
  const path = file();
  mkdirSync(join(path, ".."), { recursive: true });
  for (const text of ["", "no lock".repeat(100)]) {
    writeFileSync(path, text);
    const taken = takeLock(path);
    if (!("lock" in taken)) throw new Error("expected the lock");
    taken.lock[Symbol.dispose]();
  }
});

it("work is done by one after the other, each told once whom it waits for", async () => {
  const path = file();
  let [at, most] = [0, 0];
  const waited: (number | null)[] = [];
  const work = async (): Promise<void> => {
    most = Math.max(most, (at += 1));
    await new Promise((resolve) => setImmediate(resolve));
    at -= 1;
  };
  const told = (holder: number | null): void => void waited.push(holder);
  await Promise.all([1, 2, 3].map(() => withLock(path, told, work)));
  expect({ at, most, waited }).toEqual({ at: 0, most: 1, waited: [process.pid, process.pid] });
});

it("a place that can't be written is a clear error", () => {
  const folder = testFolder();
  writeFileSync(join(folder, "file"), "");
  expect(() => takeLock(join(folder, "file", "lock"))).toThrow(/can't be used: .*; /);
});
