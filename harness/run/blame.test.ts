import { describe, expect, it } from "vitest";
import type { EngineProcess, TapStream } from "../engine/process.ts";
import { EngineFailure } from "../trace/errors.ts";
import { blame, ReferenceFailure } from "./blame.ts";
import { describeError } from "./verdict-builder.ts";

const run = { inputs: "", phases: [], oracle: false };
const stop = new EngineFailure("engine: the forward stopped", { refusal: "the forward stopped" });
const death = new EngineFailure("engine: was killed by SIGKILL");

/** A reference whose own runs fail in this way, or go through. */
function referenceThat(fails: EngineFailure | null): EngineProcess {
  async function* own(): TapStream {
    if (fails) throw fails;
    yield* [];
    return { run: "", batches: 0, taps: 0 };
  }
  return { run: own } as unknown as EngineProcess;
}

const kindOf = async (error: unknown, side: "engine" | "reference" | "localOracle", fails: EngineFailure | null) =>
  describeError(await blame(error, { side, reference: referenceThat(fails), run })).kind;

describe("a comparison that fails", () => {
  it("is a matter of the engine where the reference goes through", async () => {
    expect(await kindOf(stop, "engine", null)).toBe("engine");
  });

  it("is a matter of the case where the reference stops there too", async () => {
    expect(await kindOf(stop, "engine", stop)).toBe("usage");
  });

  it("is a matter of the engine that died, whatever the reference does", async () => {
    expect(await kindOf(death, "engine", stop)).toBe("engine");
  });

  it("is a matter of the case where the reference's own run stops", async () => {
    expect(await kindOf(stop, "reference", null)).toBe("usage");
  });

  it("is a matter of the machine where the reference died", async () => {
    expect(await kindOf(death, "reference", null)).toBe("environment");
  });

  it("is a matter of the engine where a replay stops on its tensors alone", async () => {
    expect(await kindOf(stop, "localOracle", null)).toBe("engine");
  });

  it("says of the reference what it says, without the name of its command", () => {
    expect(new ReferenceFailure(stop).message).toBe("the reference does not run this: the forward stopped");
  });
});
