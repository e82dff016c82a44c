/** Tests that a failure stays alone: a clear error for its own case, the other cases still run, nothing left behind. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { exitCodeFor } from "../../harness/cli/exit-code.ts";
import type { EngineProcess } from "../../harness/engine/process.ts";
import type { Case } from "../../harness/case/case.ts";
import { loadCases, selectCases, standardFolders } from "../../harness/case/discover.ts";
import type { EnginePool } from "../../harness/engine/pool.ts";
import { createPool } from "../../harness/engine/pool.ts";
import { runCase } from "../../harness/run/live.ts";
import { exitCodes } from "../../harness/trace/errors.ts";
import { livePool } from "../support/live.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";

const [text] = selectCases(await loadCases(standardFolders.cases), ["gemma4_unified/text"]) as [Case];
const pool = createPool({ report: () => undefined });
const folder = testFolder();

afterAll(() => pool.close());

/** Asks for an explanation, and ends the process that is to give it. */
function killing(reference: EngineProcess, kill: () => void): EngineProcess["explain"] {
  return (params) => {
    const answer = reference.explain(params);
    kill();
    return answer;
  };
}

describe.skipIf(livePool === null)("a case that breaks", () => {
  it("because the reference is killed in the middle is an error, and the next case runs", async () => {
    const reference = await pool.reference();
    const broken = await runCase(pool, text, { progress: () => process.kill(reference.pid, "SIGKILL") });
    expect(broken.status).toBe("error");
    expect(broken.error!.message).toContain("was killed by SIGKILL");
    expect(exitCodeFor([broken])).toBe(exitCodes.environment);
    expect((await runCase(pool, text)).status).toBe("pass");
    expect(existsSync(reference.spool)).toBe(false);
  });

  it("because the reference is killed while it looks for a cause keeps what was judged", async () => {
    const fault = {
      module: fileURLToPath(new URL("../../engines/typescript/faults/activation.ts", import.meta.url)),
      name: "geluErf",
    };
    const reference = await pool.reference();
    const kill = (): void => void process.kill(reference.pid, "SIGKILL");
    const searching: EnginePool = {
      ...pool,
      reference: async () => ({ ...reference, explain: killing(reference, kill) }),
    };
    const { status, culprit } = await runCase(searching, { ...text, fault });
    expect(status).toBe("fail");
    expect(culprit!.site).toBe("model.language_model.layers.3.mlp.act_fn:out");
    expect(culprit!.explanation).toMatchObject({ status: "unexplained", tried: 0, candidates: [] });
    const message = expect.stringContaining("was killed by SIGKILL") as string;
    expect(culprit!.explanation!.reading).toMatchObject({ kind: "search broke", message });
    expect((await runCase(pool, text)).status).toBe("pass");
  });

  it("because no engine knows its architecture says which are known", async () => {
    const config = { ...text.config, architectures: ["NoSuchModel"] };
    const broken = await runCase(pool, { ...text, config });
    expect(broken.status).toBe("error");
    expect(broken.error!.message).toContain("NoSuchModel");
    expect((await runCase(pool, text)).status).toBe("pass");
  });

  it("because its checkpoint has a corrupt header says what was expected and found", async () => {
    writeFileSync(join(folder, "config.json"), JSON.stringify(text.config));
    writeFileSync(join(folder, "model.safetensors"), Buffer.alloc(100, 255));
    const engine = await pool.get("typescript");
    await expect(pool.load(engine, { checkpoint: folder, dtype: "float32" })).rejects.toThrow(
      /expected a header of at most 92 bytes/,
    );
    expect((await runCase(pool, text)).status).toBe("pass");
  });

  it("because its checkpoint is not there names the directory", async () => {
    const broken = await runCase(pool, { ...text, checkpoint: "/no/such/checkpoint" });
    expect(broken.error!.message).toContain("/no/such/checkpoint");
  });

  it("leaves nothing in the spool directories", async () => {
    const engines = [await pool.reference(), await pool.get("typescript")];
    expect(engines.flatMap(({ spool }) => readdirSync(spool))).toEqual([]);
  });
});
