import { beforeEach, describe, expect, it, vi } from "vitest";
import { compareNights, findRegressions } from "../history/changes.ts";
import { testNight, testResult } from "../history/test-lines.ts";
import { renderHistory, renderTrend } from "./history.ts";
import { renderChanges, renderNightLine, renderTable } from "./night.ts";

beforeEach(() => vi.stubEnv("NO_COLOR", "1"));

const previous = { version: "5.23.0", roles: ["previous"] };
const culprit = {
  site: "model.layers.0.mlp.act_fn:out",
  phase: "prefill",
  summary: "5,021x noise",
  cause: "GELU (erf)",
};
const before = testNight("2026-11-24", [
  {},
  { reference: previous },
  { case: "bert/pooler", sites: { "pooler.dense:out": 1.2 } },
]);
const now = testNight(
  "2026-11-25",
  [
    { status: "fail", met: false, culprit, sites: { [culprit.site]: 5020 } },
    { reference: previous, versions: { engine: { typescript: "0.2.0" }, reference: { transformers: "5.23.0" } } },
    { case: "bert/pooler", dtype: "float32", sites: { "pooler.dense:out": 2.9 } },
    { case: "new/one", dtype: "bfloat16" },
  ],
  { commit: { id: "fedcba9876543210", dirty: true } },
);
const since = { night: before.night, changes: compareNights(now.results, before.results) };
const regressions = findRegressions(now.results, () => [before.results[2]!]);

describe("a night", () => {
  it("is a table of architectures, references and dtypes", () => {
    expect(renderTable([...now.results, testResult({ case: "seed/12b", dtype: "shapes", worst: null })]))
      .toMatchInlineSnapshot(`
      "        transformers 5.24.0   transformers 5.23.0   transformers 5.24.0
              float32               float32               bfloat16    shapes
      llama   0/1                   1/1 1.10x
      bert    1/1 1.10x
      new                                                 1/1 1.10x
      seed                                                            1/1"
    `);
  });

  it("says what changed since the last green one, and what moved below the limit", () => {
    expect(renderChanges(now.night, since, regressions)).toMatchInlineSnapshot(`
      "since the last green night 2026-11-24
        commit   0123456 -> fedcba9+
        version  previous reference: transformers   5.24.0 -> 5.23.0
        turned   llama/chunked  typescript  float32  transformers 5.24.0 (pinned)   pass -> fail
                   model.layers.0.mlp.act_fn:out   in prefill   at most 1x -> 5,020x noise
                   GELU (erf)
        moved    bert/pooler  typescript  float32  transformers 5.24.0 (pinned)   pooler.dense:out   1.20x -> 2.90x noise, limit 4x
        new      1 results: new/one
      below the limit, but at least 2 times the median of the last night
        bert/pooler  typescript  float32  transformers 5.24.0 (pinned)   pooler.dense:out   1.20x -> 2.90x noise, limit 4x"
    `);
  });

  it("says so when nothing changed, or there is nothing to compare with", () => {
    const same = { night: before.night, changes: compareNights(before.results, before.results) };
    expect([renderChanges(before.night, same, []), renderChanges(before.night, null, [])]).toMatchInlineSnapshot(`
      [
        "since the last green night 2026-11-24: nothing changed",
        "no green night before this one to compare with",
      ]
    `);
  });

  it("ends in one line", () => {
    expect(
      renderNightLine(now.night, now.results, { regressions: 1, file: "reports/nightly/history.jsonl" }),
    ).toMatchInlineSnapshot(
      `"not ok   night 2026-11-25   3 pass, 1 fail   40/40 sites   1 regression below the limit   1.0 s of work   reports/nightly/history.jsonl"`,
    );
    expect(renderNightLine(before.night, before.results, { regressions: 0, file: "f" })).toMatchInlineSnapshot(
      `"ok   night 2026-11-24   3 pass   30/30 sites   1.0 s of work   f"`,
    );
  });
});

describe("a history", () => {
  it("is its nights, what changed, and how the last one is", () => {
    const nights = [before.night, now.night];
    expect(renderHistory({ nights, night: now.night, results: now.results, since, regressions }))
      .toMatchInlineSnapshot(`
      "green   2026-11-24   3 results   0123456   lockstep 0.1.0+aaaa   1.0 s   all cases
      red     2026-11-25   4 results   fedcba9+   lockstep 0.1.0+aaaa   1.0 s   all cases
      since the last green night 2026-11-24
        commit   0123456 -> fedcba9+
        version  previous reference: transformers   5.24.0 -> 5.23.0
        turned   llama/chunked  typescript  float32  transformers 5.24.0 (pinned)   pass -> fail
                   model.layers.0.mlp.act_fn:out   in prefill   at most 1x -> 5,020x noise
                   GELU (erf)
        moved    bert/pooler  typescript  float32  transformers 5.24.0 (pinned)   pooler.dense:out   1.20x -> 2.90x noise, limit 4x
        new      1 results: new/one
      below the limit, but at least 2 times the median of the last night
        bert/pooler  typescript  float32  transformers 5.24.0 (pinned)   pooler.dense:out   1.20x -> 2.90x noise, limit 4x
      red   night 2026-11-25   3 pass, 1 fail   1 below the limit"
    `);
  });

  it("of a case is the worst ratio of each of its results, night by night", () => {
    const rows = [before, now].map(({ night, results }) => ({ night, results: results.slice(0, 2) }));
    expect(renderTrend("llama/chunked", rows)).toMatchInlineSnapshot(`
      "llama/chunked  typescript  float32  pinned
        2026-11-24  pass        1.10x   logits   10/10 sites   transformers 5.24.0   0123456
        2026-11-25  fail        1.10x   logits   10/10 sites   transformers 5.24.0   fedcba9+
      llama/chunked  typescript  float32  previous
        2026-11-24  pass        1.10x   logits   10/10 sites   transformers 5.23.0   0123456
        2026-11-25  pass        1.10x   logits   10/10 sites   transformers 5.23.0   fedcba9+"
    `);
  });
});
