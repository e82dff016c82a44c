import { describe, expect, it } from "vitest";
import type { SiteVerdict } from "../verdict/site.ts";
import type { Verdict } from "../verdict/schema.ts";
import { UsageError } from "../trace/errors.ts";
import { defineCase } from "../case/case.ts";
import type { KnownFault } from "../engine/faults.ts";
import { fail, noise, pass, siteWith } from "../verdict/test-sites.ts";
import { chooseSite, findAgain } from "./capture.ts";
import { buildVerdict, openFrame } from "../run/verdict-builder.ts";

const testCase = defineCase({
  name: "tiny/text",
  title: "",
  config: {},
  inputs: () => new Map(),
  phases: [{ name: "prefill", start: 0, end: 3, cache: true }],
});

function verdictOf(sites: readonly SiteVerdict[], changes: Partial<Verdict> = {}): Verdict {
  const frame = openFrame(testCase, { mode: "live", engine: "typescript", limit: 4 });
  return { ...buildVerdict(frame, { sites, missing: [], unexpected: [] }), ...changes };
}

const site = (name: string, phase: string, order: number, status: "pass" | "fail"): SiteVerdict => {
  const judgement = status === "pass" ? pass(1) : fail(9);
  return siteWith({ site: name, phase, order, run: judgement, local: judgement });
};
const failing = verdictOf([
  site("a:out", "prefill", 0, "pass"),
  site("b:out", "decode:2", 9, "fail"),
  site("b:out", "decode:1", 5, "fail"),
  site("c:out", "decode:1", 6, "fail"),
]);
const fault = (id: string, name: string): KnownFault => ({
  ...{ id, title: "", category: "x", case: "tiny/text", at: "b:out" },
  spec: { module: `${id}.ts`, name },
});

describe("the site of a reproduction", () => {
  it("is the culprit in the first phase in which it fails", () => {
    expect(chooseSite(failing, undefined)).toMatchObject({ site: "b:out", phase: "decode:1", local: true });
  });

  it("is the named one", () => {
    expect(chooseSite(failing, "c:out")).toMatchObject({ site: "c:out", why: noise(9) });
  });

  it.each<[string, Verdict, string | undefined, RegExp]>([
    ["is not in the verdict", failing, "b:in", /no site b:in; these fail: b:out/],
    ["passes", failing, "a:out", /a:out does not fail .*\(pass\); these fail: b:out, c:out/],
    [
      "is of a verdict that passes",
      verdictOf([site("a:out", "prefill", 0, "pass")]),
      undefined,
      /passes: there is no diff/,
    ],
    ["has no tensors", { ...failing, mode: "shapes" }, undefined, /compares shapes only/],
    ["is not known", verdictOf([]), undefined, /\(fail\) has no culprit/],
  ])("is refused when it %s", (_, verdict, name, message) => {
    expect(() => chooseSite(verdict, name)).toThrow(UsageError);
    expect(() => chooseSite(verdict, name)).toThrow(message);
  });
});

const here = { file: "v.json" };

describe("the run of a verdict", () => {
  const named = (name: string): Verdict => {
    const { rerun: _, ...old } = { ...failing, engine: { ...failing.engine, fault: name } };
    return old;
  };

  it("plants the fault that the verdict names by id", () => {
    const verdict: Verdict = { ...failing, rerun: { engine: "typescript", fault: "two" } };
    const again = findAgain(verdict, { cases: [testCase], faults: [fault("one", "same"), fault("two", "same")] }, here);
    expect(again.testCase.fault).toEqual({ module: "two.ts", name: "same" });
    expect(again.engine).toBe("typescript");
  });

  it("finds the fault of an older verdict by the name of its export", () => {
    expect(findAgain(named("only"), { cases: [testCase], faults: [fault("one", "only")] }, here).testCase.faultId).toBe(
      "one",
    );
  });

  it.each<[string, Verdict, RegExp]>([
    ["the name of two faults", named("same"), /fault same is the name of several faults/],
    ["a fault that is gone", named("gone"), /fault gone is no known fault of that case/],
    ["a case that is gone", { ...failing, case: "tiny/other" }, /no case tiny\/other; .*--checkpoint/],
    ["an engine that is unknown", { ...failing, rerun: { engine: "nope" } }, /unknown engine "nope"/],
  ])("is refused for %s", (_, verdict, message) => {
    expect(() =>
      findAgain(verdict, { cases: [testCase], faults: [fault("one", "same"), fault("two", "same")] }, here),
    ).toThrow(message);
  });

  describe.each(["cmd:sh -c evil", "cmd: node x.mjs", "cmd:", "torch:evil.py:build"])("that names %j", (engine) => {
    const verdict: Verdict = { ...failing, rerun: { engine } };
    const find = (permission: object, own = testCase.engine) =>
      findAgain(verdict, { cases: [{ ...testCase, engine: own }], faults: [] }, { ...here, ...permission }).engine;

    it("shows it and starts nothing", () => {
      expect(() => find({})).toThrow(
        `v.json names an engine that would be started: ${JSON.stringify(engine)}; a file is data`,
      );
    });

    it("starts it with --trust", () => {
      expect(find({ trust: true })).toBe(engine);
    });

    it("starts what was typed in its place", () => {
      expect(find({ typed: "typescript" })).toBe("typescript");
      expect(find({ typed: engine })).toBe(engine);
    });

    it("starts it where the case itself does", () => {
      expect(find({}, engine)).toBe(engine);
    });
  });

  it("that names a command as its engine's name starts nothing either", () => {
    const { rerun: _, ...old } = { ...failing, engine: { ...failing.engine, name: "cmd:sh -c evil" } };
    expect(() => findAgain(old, { cases: [testCase], faults: [] }, here)).toThrow(/would be started: "cmd:sh -c evil"/);
  });

  it("says how its engine and fault were named", () => {
    const frame = openFrame({ ...testCase, faultId: "one" }, { mode: "live", engine: "torch:a.py:f", limit: 4 });
    const verdict = buildVerdict(frame, { sites: [], missing: [], unexpected: [] });
    expect(verdict.rerun).toEqual({ engine: "torch:a.py:f", fault: "one" });
  });
});
