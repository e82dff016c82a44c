import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EngineFailure } from "../trace/errors.ts";
import type { EngineProcess } from "./process.ts";
import { startEngine } from "./process.ts";

const fixture = fileURLToPath(new URL("fixtures/faulty-engine.mjs", import.meta.url));
/** Milliseconds: only an engine that is to hang may reach them. */
const patience = { hello: 600_000, request: 600_000 };

function start(how: string): Promise<EngineProcess> {
  const request = how === "hang" ? 200 : patience.request;
  return startEngine({ command: [process.execPath, fixture, how], patience: { ...patience, request } });
}

async function runOnce(how: string): Promise<{ error: EngineFailure; engine: EngineProcess }> {
  const engine = await start(how);
  try {
    const phases = [{ name: "prefill", start: 0, end: 1, cache: false }];
    for await (const batch of engine.run({ inputs: "/none", phases, oracle: false })) void batch;
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

  it("that hangs is killed after its patience", async () => {
    const { error, engine } = await runOnce("hang");
    expect(error.message).toContain("the engine hangs");
    expect(() => process.kill(engine.pid, 0)).toThrow("ESRCH");
  });

  it("that prints to stdout is told to use stderr", async () => {
    const { error } = await runOnce("babble");
    expect(error.message).toContain('expected JSON-RPC on stdout, found "Loading weights: 100%"');
    expect(error.remedy).toBe("send logs to stderr");
  });

  it("that sends an endless line is stopped", async () => {
    const { error } = await runOnce("flood");
    expect(error.message).toContain("a line longer than 67108864 bytes");
  });

  it.each(["outside", "symlink"])("that names a file it should not (%s) is refused", async (how) => {
    const { error } = await runOnce(how);
    expect(error.message).toContain("expected a regular file in the spool directory");
    expect(existsSync("/etc/hostname")).toBe(true);
  });

  it("that writes a corrupt safetensors header is named with what was expected", async () => {
    const { error } = await runOnce("garbage");
    expect(error.message).toMatch(/expected a header of at most \d+ bytes/);
  });

  it("that speaks another protocol is refused", async () => {
    await expect(start("old")).rejects.toThrow("speaks protocol 0, expected 1");
  });

  it("that never says hello is given up", async () => {
    await expect(
      startEngine({ command: [process.execPath, fixture, "mute"], patience: { hello: 300 } }),
    ).rejects.toThrow("no answer to hello");
  });

  it("that does not exist is a clear error", async () => {
    await expect(startEngine({ command: ["/no/such/engine"] })).rejects.toThrow("no such command");
  });

  it("has the batches deleted that nobody reads when its run is cancelled", async () => {
    const engine = await start("eager");
    try {
      const phases = [{ name: "prefill", start: 0, end: 1, cache: false }];
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
