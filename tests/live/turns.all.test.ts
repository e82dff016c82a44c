/** Second turns and prefix reuse: what only they reach, engines of other kinds, and an engine that can't go back. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { renderVerdict } from "../../harness/report/terminal.ts";
import { loadCases, selectCases, standardFolders } from "../../harness/case/discover.ts";
import { loadFaults, selectFaults } from "../../harness/engine/faults.ts";
import { runCase } from "../../harness/run/live.ts";
import { livePool } from "../support/live.ts";

const all = await loadCases(standardFolders.cases);
const [turns] = selectCases(all, ["gemma4_unified/turns"]);
const withoutTurns = selectCases(all, ["gemma4_unified/decode", "gemma4_unified/chunked"]);
const faults = selectFaults(await loadFaults(), ["turns"]);
const healthy = `torch:${fileURLToPath(new URL("../support/torch_engine.py", import.meta.url))}:healthy`;

describe.skipIf(livePool === null)("second turn and prefix reuse", () => {
  it.each(faults)("$id is seen by no case without them", async ({ spec }) => {
    for (const testCase of withoutTurns) {
      const verdict = await runCase(livePool!, { ...testCase, fault: spec });
      expect(verdict.status, renderVerdict(verdict)).toBe("pass");
    }
  });

  it("a healthy PyTorch engine is green", async () => {
    const verdict = await runCase(livePool!, turns!, { engine: healthy });
    expect(verdict.status, renderVerdict(verdict)).toBe("pass");
    expect(verdict.coverage.compared).toBe(verdict.coverage.total);
    expect(new Set(verdict.sites.map(({ phase }) => phase))).toContain("reuse:1");
  });

  it("of an engine that can't go back to a prefix, those sites are unknown and say why", async () => {
    const { capabilities } = (await livePool!.get(healthy)).hello;
    capabilities.fork = false;
    const verdict = await runCase(livePool!, turns!, { engine: healthy }).finally(() => (capabilities.fork = true));
    expect(verdict.status, renderVerdict(verdict)).toBe("unknown");
    const unknown = verdict.sites.filter(({ status }) => status !== "pass");
    expect(unknown.length).toBeGreaterThan(300);
    expect(new Set(unknown.map(({ phase }) => phase))).toEqual(new Set(["reuse:1"]));
    expect(unknown[0]!.run).toEqual({
      status: "unknown",
      why: { kind: "phase impossible", lacks: "fork", before: "prefill" },
    });
  });
});
