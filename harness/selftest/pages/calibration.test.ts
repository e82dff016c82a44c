import { describe, expect, it } from "vitest";
import { drawCalibration } from "./calibration-plot.ts";
import type { Calibration, Measured, Planted } from "./calibration.ts";
import { renderCalibration, summarize } from "./calibration.ts";

const run = (local: number, changes: Partial<Measured> = {}): Measured => ({
  ...{ variant: "sums in parts", case: "tiny/text", dtype: "float32", seed: 0, sites: 2, unknown: 0 },
  ...{ local, where: "a:out in prefill", accumulated: 9, ratios: [0, local], alarm: null, ...changes },
});
const fault = (id: string, ratio: number | null, found = true): Planted => ({
  ...{ id, category: "norm", found, ratio, reason: "a:out: differs | much" },
});
const calibration = (changes: Partial<Calibration> = {}): Calibration => ({
  healthy: [run(1.1), run(2)],
  faults: [fault("weak", 16), fault("strong", 1e6), fault("of-a-mask", null), fault("with-a-direction", 3)],
  ...{ catalogue: 9, limit: 4, missing: [], ...changes },
});

describe("a calibration", () => {
  it("names the worst healthy site and the weakest fault that fails by its ratio", () => {
    expect(summarize(calibration())).toMatchObject({
      sites: 4,
      worst: { local: 2 },
      least: 16,
      byRatio: 2,
      otherwise: 2,
    });
  });

  it("says how much room there is on both sides of the limit", () => {
    const page = renderCalibration(calibration());
    expect(page).toContain("2 healthy runs, 4 sites: the largest local ratio is **2.00**, at `a:out in prefill`");
    expect(page).toContain("4 of 9 planted faults: 2 fail by their ratio, the smallest is **16.0**; 2 fail by shape");
    expect(page).toContain(
      "**4**: 2.00 times the worst healthy site; the weakest fault that it catches is 4.00 times above",
    );
    expect(page).toContain("False alarms: **0**");
  });

  it("lists false alarms, missed faults and what was not measured", () => {
    const page = renderCalibration(
      calibration({
        healthy: [run(5, { alarm: "a:out in prefill: 5.00x noise" })],
        faults: [fault("gone", null, false)],
        missing: [{ title: "real weights", missing: "fetch them" }],
      }),
    );
    expect(page).toContain("False alarms: **1**");
    expect(page).toContain("- sums in parts, tiny/text, float32, seed 0: a:out in prefill: 5.00x noise");
    expect(page).toContain("## Missed faults\n\n- gone: ");
    expect(page).toContain("- real weights: fetch them");
  });

  it("keeps a bar in a cell from ending it", () => {
    expect(renderCalibration(calibration())).toContain("differs \\| much |");
  });

  it("draws the limit between both distributions in the text plot", () => {
    const plot = renderCalibration(calibration()).split("```")[1]!;
    expect(plot.indexOf("limit 4")).toBeGreaterThan(plot.indexOf("  2  #"));
    expect(plot.indexOf("limit 4")).toBeLessThan(plot.indexOf(" 16 "));
  });
});

describe("its drawing", () => {
  const svg = drawCalibration(calibration());
  const bars = (text: string, kind: string): { x: number; count: string }[] =>
    [...text.matchAll(new RegExp(`<rect class="${kind}" x="([\\d.]+)".*?<title>(\\d+) from`, "g"))].map((match) => ({
      x: Number(match[1]),
      count: match[2]!,
    }));
  const limit = Number(/class="limit" x1="([\d.]+)"/.exec(svg)![1]);

  it("has healthy bars below the limit and faults above it", () => {
    expect(
      bars(svg, "healthy")
        .map(({ count }) => Number(count))
        .reduce((a, b) => a + b),
    ).toBe(4 + 2);
    expect(bars(svg, "healthy").every(({ x }) => x < limit)).toBe(true);
    expect(bars(svg, "fault").filter(({ x }) => x > limit)).toHaveLength(2);
  });

  it("draws a false alarm above the limit", () => {
    expect(bars(drawCalibration(calibration({ healthy: [run(50)] })), "healthy").some(({ x }) => x > limit)).toBe(true);
  });

  it("puts what lies beyond the axis at its ends", () => {
    const far = drawCalibration(calibration({ healthy: [run(0)], faults: [fault("far", 1e12)] }));
    const [, width] = /viewBox="0 0 (\d+)/.exec(far)!;
    expect(bars(far, "fault")[0]!.x).toBeLessThan(Number(width));
    expect(far).not.toMatch(/NaN|Infinity/);
  });

  it("follows the viewer's setting for light and dark", () => {
    expect(svg).toContain("@media (prefers-color-scheme: dark)");
  });
});
