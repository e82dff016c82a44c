/** What lies in the cache is checked before it is used: a damaged checkpoint hides no fault, and nobody changes it. */
import { chmodSync, existsSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Case } from "../../harness/case/case.ts";
import { loadCases, selectCases, standardFolders } from "../../harness/case/discover.ts";
import type { EngineObject } from "../../harness/engine/in-process.ts";
import type { EnginePool } from "../../harness/engine/pool.ts";
import { createPool } from "../../harness/engine/pool.ts";
import { runCase } from "../../harness/run/live.ts";
import { cacheDirectory } from "../../harness/setup/cache.ts";
import { readSafetensors, writeSafetensors } from "../../harness/trace/safetensors.ts";
import { testFolder } from "../../harness/trace/test-folder.ts";
import { livePool } from "../support/live.ts";

const [text] = selectCases(await loadCases(standardFolders.cases), ["gemma4_unified/text"]) as [Case];
const fault = {
  module: fileURLToPath(new URL("../../engines/typescript/faults/activation.ts", import.meta.url)),
  name: "geluErf",
};

describe.skipIf(livePool === null)("a checkpoint in the cache", () => {
  let cache = "";
  let pool: EnginePool;
  const said: string[] = [];
  const options = { explain: 0 };
  beforeAll(() => {
    cache = testFolder();
    const python = join(cacheDirectory(), "python");
    if (existsSync(python)) symlinkSync(python, join(cache, "python"));
    vi.stubEnv("LOCKSTEP_CACHE", cache);
    pool = createPool({ report: (line) => said.push(line) });
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await pool.close();
  });

  const weightsFile = (): string => {
    const [name] = readdirSync(join(cache, "checkpoints"));
    return join(cache, "checkpoints", name!, "model.safetensors");
  };
  /** Zeroes every tensor in place, as a program that can write there may do. */
  const zero = (): void => {
    const file = weightsFile();
    chmodSync(file, 0o644);
    const zeroed = [...readSafetensors(file)].map(([name, tensor]) => {
      return [name, { ...tensor, bytes: new Uint8Array(tensor.bytes.length) }] as const;
    });
    writeSafetensors(file, new Map(zeroed), { format: "pt" });
  };

  it("that was zeroed hides no fault: it is drawn again, and that is said", async () => {
    expect((await runCase(pool, text, options)).status).toBe("pass");
    zero();
    expect((await runCase(pool, { ...text, fault }, options)).status).toBe("fail");
    expect(said.join("\n")).toMatch(
      /cache {2}\S+ was not as it was drawn: \d+ tensors were changed, \S+ among them; it was drawn again/,
    );
  });

  it("is read-only", async () => {
    await runCase(pool, text, options);
    expect(statSync(weightsFile()).mode & 0o777).toBe(0o444);
  });

  const engine = (changes: Partial<EngineObject>): EngineObject => ({
    ...{ name: "mine", load: () => undefined, run: () => undefined },
    ...changes,
  });

  it("that an engine changes during a run makes the run an error", async () => {
    const { status, error } = await runCase(pool, text, { ...options, engine: pool.attach(engine({ run: zero })) });
    expect(status).toBe("error");
    expect(error!.message).toMatch(/checkpoints\/\S+ was changed during the run/);
  });

  it("that an engine changes as it loads makes the run an error", async () => {
    const { error } = await runCase(pool, text, { ...options, engine: pool.attach(engine({ load: zero })) });
    expect(error!.message).toMatch(/checkpoints\/\S+ was changed after transformers had loaded it/);
  });

  it("of which an engine says that it has loaded other weights makes the run an error", async () => {
    const load = ({ checkpoint }: { checkpoint?: string | undefined }) => {
      return { checkpoint, modules: [], tensors: [], weights_sha256: "0".repeat(64) };
    };
    const { error } = await runCase(pool, text, { ...options, engine: pool.attach(engine({ load })) });
    expect(error!.message).toMatch(/mine has not loaded the weights that transformers has: .*found 0{64}/);
  });
});
