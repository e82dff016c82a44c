import { describe, expect, it, vi } from "vitest";
import type { Consistency } from "../verdict/audit.ts";
import type { Culprit } from "../verdict/culprit.ts";
import type { SiteVerdict, Status } from "../verdict/site.ts";
import { fail, noise, notOffered, pass, siteWith } from "../verdict/test-sites.ts";
import { verdict as verdictSchema } from "../verdict/schema.ts";
import { EngineFailure } from "../trace/errors.ts";
import type { CaseDefinition } from "../case/case.ts";
import { defineCase, planPhases } from "../case/case.ts";
import type { Findings } from "./verdict-builder.ts";
import { buildVerdict, errorVerdict, identify, openFrame } from "./verdict-builder.ts";

const definition: CaseDefinition = {
  name: "tiny/text",
  title: "a case",
  config: {},
  inputs: () => new Map(),
  phases: planPhases({ chunks: [3], decode: 1, full: false }),
};

function frame(expected: CaseDefinition["expect"] = "pass") {
  return openFrame(defineCase({ ...definition, expect: expected }), { mode: "live", engine: "e", limit: 4 });
}

function site(order: number, status: SiteVerdict["status"], ratio = 1): SiteVerdict {
  const run = { pass: pass(ratio), fail: fail(ratio), unknown: notOffered }[status];
  return siteWith({ site: `s${order}:out`, order, run });
}

function build(findings: Partial<Findings>, expected?: CaseDefinition["expect"]) {
  return buildVerdict(frame(expected), { sites: [], missing: [], unexpected: [], ...findings });
}

const right = [site(0, "pass"), site(1, "pass")];
const tensors = { compared: 1, missing: [], unexpected: [], different: [], values: null };
const consistency = (engine: Status, ...references: Status[]): Consistency[] =>
  [engine, ...references].map((status) => ({ engine: "x", status, compared: 1, worst: null }));

const otherNumbers = {
  compared: 2,
  different: [{ name: "w", dtype: "F32", count: 8, of: 8, relative: 0.002, rounded_to: "BF16" as const }],
};

describe("the status", () => {
  it.each<[string, Status, Partial<Findings>]>([
    ["every site passes", "pass", { sites: right }],
    ["the tensors agree", "pass", { sites: right, tensor_audit: tensors }],
    ["nothing was compared", "fail", {}],
    ["nothing could be compared", "fail", { sites: [site(0, "unknown")], missing: ["s0:out"] }],
    ["one site fails", "fail", { sites: [...right, site(2, "fail")] }],
    ["one site is unknown", "unknown", { sites: [...right, site(2, "unknown")], missing: ["s2:out"] }],
    ["one fails and one is unknown", "fail", { sites: [site(0, "fail"), site(1, "unknown")] }],
    ["the engine has a site that the reference lacks", "fail", { sites: right, unexpected: ["extra:out"] }],
    ["the engine lacks a tensor", "fail", { sites: right, tensor_audit: { ...tensors, missing: ["w"] } }],
    ["a tensor has other numbers", "fail", { sites: right, tensor_audit: { ...tensors, values: otherNumbers } }],
    ["the engine has a tensor more", "fail", { sites: right, tensor_audit: { ...tensors, unexpected: ["w"] } }],
    [
      "something broke, whatever was seen",
      "error",
      { sites: right, error: { kind: "engine", message: "m", stderr_tail: [] } },
    ],
    ["the engine disagrees with itself", "fail", { sites: right, consistency: consistency("fail", "pass", "pass") }],
    ["the reference disagrees with itself too", "pass", { sites: right, consistency: consistency("fail", "fail") }],
    ["only the reference disagrees with itself", "pass", { sites: right, consistency: consistency("pass", "fail") }],
  ])("when %s: %s", (_, status, findings) => {
    expect(build(findings).status).toBe(status);
  });
});

describe("the expectation", () => {
  const failing = [site(0, "pass"), site(1, "fail"), site(2, "fail")];

  it.each<[CaseDefinition["expect"], string, boolean, Partial<Findings>]>([
    ["pass", "a pass", true, { sites: right }],
    ["pass", "a failure", false, { sites: failing }],
    ["pass", "an unknown", false, { sites: [...right, site(2, "unknown")] }],
    [{ fail_at: "s1:out" }, "a failure there", true, { sites: failing }],
    [{ fail_at: "s2:out" }, "a failure that begins earlier", false, { sites: failing }],
    [{ fail_at: "s1:out" }, "a pass", false, { sites: right }],
    [
      { fail_at: "s1:out" },
      "an error",
      false,
      { sites: failing, error: { kind: "engine", message: "m", stderr_tail: [] } },
    ],
  ])("%j and %s: met %s", (expected, _, met, findings) => {
    expect(build(findings, expected).met).toBe(met);
  });
});

describe("a verdict", () => {
  it("is what the schema says, so that every report can read it", () => {
    const built = build({ sites: [site(0, "pass"), site(1, "fail", 7)], missing: ["m:out"], unexpected: ["u:out"] });
    expect(verdictSchema.parse(JSON.parse(JSON.stringify(built)))).toEqual(built);
  });

  it("counts what was compared against all that should have been", () => {
    const sites = [site(0, "pass"), site(1, "fail"), site(2, "unknown")];
    const { coverage } = build({ sites, missing: ["s2:out", "s2:out"], unexpected: ["u", "u"] });
    expect(coverage).toEqual({ compared: 2, total: 3, unknown: ["s2:out"], unexpected: ["u"] });
  });

  it("has its sites in execution order", () => {
    const { sites } = build({ sites: [site(2, "pass"), site(0, "pass"), site(1, "pass")] });
    expect(sites.map(({ order }) => order)).toEqual([0, 1, 2]);
  });

  it("names the worst site, also when all pass", () => {
    expect(build({ sites: [site(0, "pass", 1.5), site(1, "pass", 2.5), site(2, "pass", 2)] }).worst).toEqual({
      site: "s1:out",
      phase: "prefill",
      ratio: 2.5,
    });
  });

  it("takes its time from the frame", () => {
    vi.useFakeTimers({ now: 1000 });
    const own = frame();
    vi.setSystemTime(3500);
    const { started, seconds } = buildVerdict(own, { sites: [], missing: [], unexpected: [] });
    vi.useRealTimers();
    expect([started, seconds]).toEqual(["1970-01-01T00:00:01.000Z", 2.5]);
  });
});

describe("the culprit", () => {
  it("has the reason of the first failing site, and its shapes", () => {
    const why = { kind: "shape" as const, expected: [8], found: [4] };
    const first = siteWith({ site: "s1:out", order: 1, run: { status: "fail", why } });
    expect(build({ sites: [site(2, "fail"), first] }).culprit).toEqual({
      site: "s1:out",
      phase: "prefill",
      why,
      where: [],
      inherited: false,
      shapes: { expected: [8], found: [4], expected_sizes: [], found_sizes: [], causes: [] },
      also: [],
    });
  });

  it("says so when its module is right and its input was wrong", () => {
    const notFinite = fail(9, { why: { kind: "not finite", count: 3 } });
    const first = siteWith({ site: "s1:out", order: 1, run: notFinite, local: pass(1) });
    expect(build({ sites: [first] }).culprit).toMatchObject({ why: { kind: "not finite", count: 3 }, inherited: true });
  });

  it("names the padding that values which are not finite come from", () => {
    const notFinite = fail(9, { why: { kind: "not finite", count: 3 } });
    const first = siteWith({ site: "s1:out", order: 1, run: notFinite, local: pass(1) });
    const padding = { site: "s0:out", phase: "prefill", count: 7 };
    expect(build({ sites: [first], padding }).culprit).toMatchObject({ padding });
    expect(build({ sites: [siteWith({ ...first, run: fail(), local: fail() })], padding }).culprit).not.toHaveProperty(
      "padding",
    );
  });

  it("is the first of all that are wrong on their own", () => {
    const local = (order: number): SiteVerdict =>
      siteWith({ site: `s${order}:out`, order, run: fail(), local: fail() });
    const { culprit, culprits } = build({ sites: [local(4), local(1)] });
    expect([culprit?.site, culprits.map((one) => one.site)]).toEqual(["s1:out", ["s1:out", "s4:out"]]);
  });

  it("is the one that was found in another way, where there is one", () => {
    const culprit: Culprit = {
      ...{ site: "found:in", phase: "shapes", why: noise(), where: [], inherited: false, shapes: null, also: [] },
    };
    expect(build({ sites: [site(1, "fail")], culprit }).culprits).toEqual([culprit]);
  });

  it("is null when nothing fails", () => {
    expect(build({ sites: right })).toMatchObject({ culprit: null, culprits: [] });
  });
});

describe("an error", () => {
  it("of an engine keeps its stderr tail and its remedy", () => {
    const failure = new EngineFailure("it died", { stderrTail: ["Traceback"], remedy: "restart" });
    expect(errorVerdict(frame(), failure)).toMatchObject({
      status: "error",
      met: false,
      error: { kind: "engine", message: "it died", stderr_tail: ["Traceback"], remedy: "restart" },
    });
  });

  it.each([
    [new Error("plain"), "plain"],
    ["a text", "a text"],
  ])("of any kind has a message: %s", (thrown, message) => {
    expect(errorVerdict(frame(), thrown).error).toEqual({ kind: "engine", message, stderr_tail: [] });
  });
});

describe("identify", () => {
  const no = {
    shapes: false,
    cache: false,
    fork: false,
    build: false,
    oracle: false,
    replay: false,
    explain: false,
    text: false,
    tensors: false,
  };
  const capabilities = { dtypes: [], ...no };
  const hello = { protocol: 1, name: "e", version: "2", versions: { torch: "2.13.0" }, capabilities };

  it("names engine, versions and the fault that was planted", () => {
    expect(identify(hello, "wrongScale")).toEqual({
      name: "e",
      version: "2",
      versions: { torch: "2.13.0" },
      fault: "wrongScale",
    });
  });

  it("has no fault where none was planted", () => {
    expect(identify(hello)).not.toHaveProperty("fault");
  });
});
