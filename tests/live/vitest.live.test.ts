/**
 * The matchers of `lockstep/vitest` with engines of every kind: a name, an object in this process, against goldens and
 * the live reference.
 */
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { TypeScriptEngine } from "../../engines/typescript/runtime/engine.ts";
import type { EngineObject } from "../../harness/engine/in-process.ts";
import { casesFolder, findCases } from "../../harness/case/discover.ts";
import { closeEngines } from "../../harness/vitest/index.ts";
import { livePool } from "../support/live.ts";

const [text] = await findCases(["gemma4_unified/text"], casesFolder());
const wrong = {
  module: fileURLToPath(new URL("../../engines/typescript/faults/activation.ts", import.meta.url)),
  name: "geluErf",
};
const culprit = /^ FAIL .*\n {3}model\.language_model\.layers\.3\.mlp\.act_fn:out {3}in prefill\n/;

/** This repository's engine in this process, as its own `load` and `run`. */
const own: EngineObject = new TypeScriptEngine();
/** The least that an engine can be: a name, `load` and `run`. */
const least: EngineObject = {
  name: "least",
  load: async (model) => void (await own.load(model)),
  run: (run, emit) => own.run(run, emit),
};

afterAll(closeEngines);

async function messageOf(failing: Promise<void>): Promise<string> {
  return failing.then(
    () => "passed",
    (error: Error) => error.message,
  );
}

describe("toMatchGolden", () => {
  it("passes for an engine by name, and for objects in this process", async ({ task }) => {
    await expect("typescript").toMatchGolden(text!);
    await expect(own).toMatchGolden("gemma4_unified/text");
    await expect(least).toMatchGolden(text!);
    expect(task.meta.lockstep!.map(({ engine, status }) => [engine.name, status])).toEqual([
      ...[
        ["typescript", "pass"],
        ["typescript", "pass"],
        ["least", "pass"],
      ],
    ]);
  });

  it("fails with lockstep's own verdict", async () => {
    const failure = await messageOf(expect(own).toMatchGolden({ ...text!, fault: wrong }));
    expect(failure).toMatch(culprit);
    expect(failure).toContain("typescript with geluErf vs transformers");
    await expect(own).not.toMatchGolden({ ...text!, fault: wrong });
  });

  it("fails where sites are missing, and passes when it is told which to compare", async () => {
    const logitsOnly: EngineObject = {
      ...least,
      run: (run, emit) => own.run({ ...run, sites: ["logits"] }, emit),
    };
    expect(await messageOf(expect(logitsOnly).toMatchGolden(text!))).toMatch(/not judged, the engine does not offer/);
    await expect(logitsOnly).toMatchGolden(text!, { sites: ["logits"] });
  });

  it("fails with the stack of an engine that throws", async () => {
    const broken: EngineObject = { ...least, run: () => own.run({} as never, async () => undefined) };
    expect(await messageOf(expect(broken).toMatchGolden(text!))).toMatch(/^ ERROR [^]*least: run: [^]*TypeError/);
  });

  it("says what it takes when it is given something else", async () => {
    const failures = [42, null, "nosuch", { load() {} }].map((engine) =>
      messageOf(expect(engine).toMatchGolden(text!)),
    );
    const [number, nothing, name, half] = await Promise.all(failures);
    expect(number).toMatch(/expected an engine: .* found number/);
    expect(nothing).toMatch(/found null/);
    expect(name).toMatch(/unknown engine "nosuch"/);
    expect(half).toMatch(/found object/);
    expect(await messageOf(expect(own).toMatchGolden("no/such"))).toMatch(/no case matches/);
  });
});

describe.skipIf(livePool === null)("toMatchReference", () => {
  it("passes for an object in this process, and audits what it lists", async ({ task }) => {
    await expect(own).toMatchReference(text!);
    await expect(least).toMatchReference(text!);
    const [first, second] = task.meta.lockstep!;
    expect(first!.tensor_audit!.missing).toEqual([]);
    expect(second).toMatchObject({ status: "pass", tensor_audit: null, config_audit: null });
  });

  it("fails with the culprit and its cause", async ({ task }) => {
    const failure = await messageOf(expect(own).toMatchReference({ ...text!, fault: wrong }));
    expect(failure).toMatch(culprit);
    expect(failure).toMatch(/cause {2}the activation is GELU \(erf\) in place of GELU \(tanh\)/);
    expect(task.meta.lockstep!.map(({ status, case_file }) => [status, case_file])).toEqual([
      ...[["fail", "cases/gemma4_unified.case.ts"]],
    ]);
  });
});
