import { describe, expect, test } from "vitest";
import type { TracedModule } from "../layers/context.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { SiteTracer } from "./taps.ts";

const tensor = floatTensor([1, 2], null);
const group: TracedModule = { path: "groups.0", type: "Group", repeated: true };
const layer: TracedModule = { path: "groups.0.layers.0", type: "Layer", repeated: true };

/**
 * The sites of `passes` through a group of one layer, which taps a functional site, and `|` for each end of a batch.
 */
function sitesOf(passes: number): string[] {
  const seen: string[] = [];
  const tracer = new SiteTracer(
    (site) => seen.push(site),
    () => seen.push("|"),
  );
  for (let pass = 0; pass < passes; pass++) {
    tracer.enter(group, [tensor]);
    tracer.enter(layer, [tensor]);
    tracer.tap("groups.0.layers.0#scores", tensor);
    tracer.leave(layer, tensor);
    tracer.leave(group, tensor);
  }
  return seen;
}

describe("layers within layers", () => {
  test("make one batch, as the reference's", () => {
    expect(sitesOf(1)).toEqual([
      "|",
      "groups.0:in",
      "groups.0.layers.0:in",
      "groups.0.layers.0#scores",
      "groups.0.layers.0:out",
      "groups.0:out",
      "|",
    ]);
  });

  test("that run again have sites of their own, functional ones too", () => {
    expect(sitesOf(2).slice(7)).toEqual([
      "|",
      "groups.0:in@1",
      "groups.0.layers.0:in@1",
      "groups.0.layers.0#scores@1",
      "groups.0.layers.0:out@1",
      "groups.0:out@1",
      "|",
    ]);
  });
});
