import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openSpoolFile } from "./spool.ts";
import { EngineFailure } from "../trace/errors.ts";
import { float32Tensor, toNumbers } from "../trace/tensor.ts";
import type { EngineObject, TakeTaps } from "./in-process.ts";
import { isEngineObject, startInProcess } from "./in-process.ts";

const request = { inputs: "none", phases: [{ name: "full", start: 0, end: 1, cache: false }], oracle: false };

/** An engine that emits `count` batches of one site each. */
function engineOf(run: EngineObject["run"]): EngineObject {
  return { name: "fake", load: () => undefined, run };
}

function batches(count: number): EngineObject["run"] {
  return (_, emit) => {
    for (let at = 0; at < count; at++)
      void emit("full", [{ site: `layers.${at}:out`, tensor: float32Tensor(Float32Array.of(at), [1]) }]);
  };
}

async function sitesOf(stream: AsyncGenerator<{ taps: readonly { site: string }[] }, unknown>): Promise<string[]> {
  const sites: string[] = [];
  for await (const { taps } of stream) sites.push(...taps.map(({ site }) => site));
  return sites;
}

describe("startInProcess", () => {
  it("streams what the engine emits, in order, and counts it", async () => {
    await using engine = closing(startInProcess(engineOf(batches(7))));
    const stream = engine.run(request);
    expect(await sitesOf(stream)).toEqual(Array.from({ length: 7 }, (_, at) => `layers.${at}:out`));
    expect(readdirSync(engine.spool)).toEqual([]);
  });

  it("takes copies: what the engine does to a tensor afterwards changes nothing", async () => {
    const values = Float32Array.of(1, 2);
    await using engine = closing(
      startInProcess(
        engineOf((_, emit) => {
          void emit("full", [{ site: "logits", tensor: float32Tensor(values, [2]) }]);
          values.fill(9);
        }),
      ),
    );
    for await (const { taps } of engine.run(request)) expect([...toNumbers(taps[0]!.tensor)]).toEqual([1, 2]);
  });

  it("gives checksums and values of the tensors that the engine names", async () => {
    const engine = engineOf(batches(1));
    const tensors = () => new Map([["w", float32Tensor(Float32Array.of(1, 2), [2])]]);
    await using started = closing(startInProcess({ ...engine, tensors }));
    const { checksums, file } = await started.request("tensors", { names: ["w"], values: true });
    expect(checksums).toEqual([{ name: "w", dtype: "F32", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    using opened = openSpoolFile(started.spool, file!, "engine");
    expect([...toNumbers(opened.take().get("w")!)]).toEqual([1, 2]);
  });

  it("holds back an engine that awaits, so that few batches wait", async () => {
    let ahead = 0;
    let most = 0;
    const patient: EngineObject["run"] = async (_, emit) => {
      for (let at = 0; at < 20; at++) {
        most = Math.max(most, ++ahead);
        await emit("full", [{ site: `layers.${at}:out`, tensor: float32Tensor(new Float32Array(1), [1]) }]);
      }
    };
    await using engine = closing(startInProcess(engineOf(patient)));
    for await (const batch of engine.run(request)) ahead -= batch.taps.length;
    expect(most).toBeLessThanOrEqual(4);
  });

  it("sends only the sites that are asked for", async () => {
    await using engine = closing(startInProcess(engineOf(batches(12))));
    expect(await sitesOf(engine.run({ ...request, sites: ["layers.1*"] }))).toEqual([
      ...["layers.1:out", "layers.10:out", "layers.11:out"],
    ]);
  });

  it("ends a run that nobody reads further", async () => {
    let ended = false;
    const endless: EngineObject["run"] = async (_, emit) => {
      try {
        for (let at = 0; ; at++)
          await emit("full", [{ site: `layers.${at}:out`, tensor: float32Tensor(new Float32Array(1), [1]) }]);
      } finally {
        ended = true;
      }
    };
    await using engine = closing(startInProcess(engineOf(endless)));
    for await (const _ of engine.run(request)) break;
    expect(ended).toBe(true);
    expect(readdirSync(engine.spool)).toEqual([]);
  });

  it("turns what the engine throws into a failure of the engine with its stack", async () => {
    const broken = (_: unknown, emit: TakeTaps): never => {
      void emit("full", [{ site: "logits", tensor: float32Tensor(new Float32Array(1), [1]) }]);
      throw new TypeError("no such weight");
    };
    await using engine = closing(startInProcess(engineOf(broken)));
    const failure = await sitesOf(engine.run(request)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(EngineFailure);
    expect((failure as EngineFailure).message).toBe("fake: run: no such weight");
    expect((failure as EngineFailure).stderrTail[0]).toBe("TypeError: no such weight");
  });

  it("refuses a tensor whose bytes do not fit its shape", async () => {
    const wrong: EngineObject["run"] = (_, emit) =>
      emit("full", [{ site: "logits", tensor: float32Tensor(new Float32Array(3), [2]) }]);
    await using engine = closing(startInProcess(engineOf(wrong)));
    await expect(sitesOf(engine.run(request))).rejects.toThrow(/expected 8 bytes for F32 \[2\], found 12/);
  });

  it("says what an object can't do, and leaves no spool behind", async () => {
    const engine = startInProcess(engineOf(batches(1)));
    expect(engine.hello).toMatchObject({ name: "fake", capabilities: { dtypes: ["float32"], shapes: false } });
    await expect(engine.request("shapes", {} as never)).rejects.toThrow(/does not implement shapes/);
    await engine.close();
    expect(existsSync(engine.spool)).toBe(false);
  });
});

describe("isEngineObject", () => {
  it("asks for load and run", () => {
    expect([engineOf(batches(1)), { load() {} }, "typescript", null, undefined].map(isEngineObject)).toEqual([
      ...[true, false, false, false, false],
    ]);
  });
});

function closing<T extends { close(): Promise<void> }>(engine: T): T & AsyncDisposable {
  return Object.assign(engine, { [Symbol.asyncDispose]: () => engine.close() });
}
