import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EngineFailure } from "../trace/errors.ts";
import { birthOf } from "../trace/process-place.ts";
import type { EngineProcess } from "./process.ts";
import { startEngine } from "./process.ts";

const fixture = fileURLToPath(new URL("fixtures/faulty-engine.mjs", import.meta.url));
/** Milliseconds: only an engine that is to hang may reach them. */
const patience = { hello: 600_000, request: 600_000 };
/** Engines that never answer: only their patience ends them. */
const silent = ["hang", "unknown notifications", "errors of nothing"];
const phases = ["prefill", "full"].map((name) => ({ name, start: 0, end: 1, cache: false }));

function start(how: string): Promise<EngineProcess> {
  const request = silent.includes(how) ? 200 : patience.request;
  return startEngine({ command: [process.execPath, fixture, how], patience: { ...patience, request } });
}

async function runOnce(how: string, seen: string[] = []): Promise<{ error: EngineFailure; engine: EngineProcess }> {
  const engine = await start(how);
  const listen = ({ file }: { file: string }): void => void seen.push(file);
  try {
    for await (const batch of engine.run({ inputs: "/none", phases, oracle: false }, listen)) void batch;
  } catch (error) {
    return { error: error as EngineFailure, engine };
  } finally {
    await engine.close();
  }
  throw new Error("expected the run to fail");
}

describe("an engine process", () => {
  it("that crashes is reported with its exit code and stderr tail", async () => {
    const { error } = await runOnce("crash");
    expect(error).toBeInstanceOf(EngineFailure);
    expect(error.message).toContain("ended with exit code 7");
    expect(error.stderrTail).toContain("Traceback: the tensor library is unhappy");
  });

  it.each(silent)("that never answers (%s) is killed after its patience", async (how) => {
    const { error, engine } = await runOnce(how);
    expect(error.message).toContain("the engine hangs");
    expect(() => process.kill(engine.pid, 0)).toThrow("ESRCH");
  });

  it("that prints to stdout is told to use stderr", async () => {
    const { error } = await runOnce("babble");
    expect(error.message).toContain('expected JSON-RPC on stdout, found "Loading weights: 100%"');
    expect(error.remedy).toBe("send logs to stderr");
  });

  it.each(["flood", "flood stdout"])("that sends an endless line (%s) is stopped", async (how) => {
    const { error } = await runOnce(how);
    expect(error.message).toContain("a line longer than 67108864 bytes");
  });

  it("that logs 700 MB without an end of line has the last of it kept", async () => {
    const { error } = await runOnce("flood stderr");
    expect(error.message).toContain("ended with exit code 7");
    expect(error.stderrTail).toHaveLength(1);
    expect(error.stderrTail[0]!.length).toBeLessThan(1100);
  });

  it.each(["a child", "a child elsewhere"])("that leaves %s with its output open is not waited for", async (how) => {
    const { error } = await runOnce(how);
    expect(error.message).toContain("ended with exit code 7");
    const [, child] = /child (\d+)/.exec(error.stderrTail.join("\n"))!;
    await expect.poll(() => birthOf(Number(child)), { timeout: 60_000 }).toBeNull();
  });

  it.each([
    ["outside", "a regular file in the spool directory"],
    ["above", "a regular file in the spool directory"],
    ["nowhere", "found none"],
    ["nul", "a regular file in the spool directory"],
    ["long", "its name is too long"],
    ["readable", "a regular file in the spool directory"],
    ["device", "a regular file in the spool directory"],
    ["folder", "found a folder"],
    ["symlink", "found a symbolic link"],
    ["hard link", "it is a hard link"],
    ["pipe", "found a pipe"],
    ["sparse", "a file of at most 2147483648 bytes, found 3221225472"],
    ["garbage", "sent a broken file"],
  ])("that names a file it should not (%s) is refused before anybody sees it", async (how, message) => {
    const seen: string[] = [];
    const { error } = await runOnce(how, seen);
    expect(error).toBeInstanceOf(EngineFailure);
    expect(error.message).toContain(message);
    expect(error.message).toContain(fixture);
    expect(seen).toEqual([]);
    expect(existsSync("/etc/hostname")).toBe(true);
  });

  it("that writes a corrupt safetensors header is named with what was expected", async () => {
    const { error } = await runOnce("garbage");
    expect(error.message).toMatch(/expected a header of at most \d+ bytes/);
  });

  it.each([
    ["too eager", /sent batch 3 of run .* without a credit: expected at most 3 that are not read/],
    ["another run", /sent taps of run ".*0", which is not under way/],
    ["another phase", /sent a batch of phase "decode:9", expected prefill, full/],
    ["an earlier phase", /sent a batch of phase prefill after one of full/],
    ["another batch", /sent batch 1 of run .*, expected batch 0/],
    ["another tensor", /site logits names tensor t1, which its batch file does not hold/],
    ["another count", /says that run .* had 1 batches and 1 sites, sent 0 and 0/],
    ["another request", /answered a request that was not made: 1000000/],
    ["no error", /sent a malformed error: /],
  ])("that breaks a rule of the protocol (%s) is ended at once", async (how, message) => {
    const { error, engine } = await runOnce(how);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(fixture);
    expect(engine.alive()).toBe(false);
  });

  it("that speaks another protocol is refused", async () => {
    await expect(start("old")).rejects.toThrow("speaks protocol 0, expected 1");
  });

  it("that never says hello is given up", async () => {
    await expect(
      startEngine({ command: [process.execPath, fixture, "mute"], patience: { hello: 300 } }),
    ).rejects.toThrow("no answer to hello");
  });

  it.each([
    ["/no/such/engine", "no such command"],
    ["/etc", "not a command that may be executed"],
    ["a\0b", "can't be started"],
  ])("that can't be started (%j) is a clear error", async (command, message) => {
    await expect(startEngine({ command: [command] })).rejects.toThrow(message);
  });

  it("has the batches deleted that nobody reads when its run is cancelled", async () => {
    const engine = await start("eager");
    try {
      for await (const _ of engine.run({ inputs: "/none", phases, oracle: false })) break;
      expect(readdirSync(engine.spool)).toEqual([]);
    } finally {
      await engine.close();
    }
  });

  it("leaves no spool directory behind", async () => {
    const { engine } = await runOnce("outside");
    expect(existsSync(engine.spool)).toBe(false);
  });
});
