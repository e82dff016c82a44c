import type { Result } from "../../../harness/engine/protocol.ts";
import { ShapeError } from "../tensor/tensor.ts";
import type { LoadedModel } from "./build.ts";
import type { ModelInputs } from "./inputs.ts";
import { runPhase, startPhases } from "./phases.ts";
import { SiteTracer } from "./taps.ts";

/**
 * The sites of one prefill of all tokens, with cache, by a model without weights. A forward that can't go on ends the
 * list: `stop` names the site, and that site is not in the list.
 */
export function listShapes(model: LoadedModel, inputs: ModelInputs): Result<"shapes"> {
  const sites: Result<"shapes">["sites"] = [];
  let stop: Result<"shapes">["stop"];
  model.context.tracer = new SiteTracer(
    (site, { shape, dtype }) => sites.push({ site, shape: [...shape], dtype }),
    () => {},
  );
  try {
    const phase = { name: "prefill", start: 0, end: inputs.input_ids.size(1), cache: true };
    runPhase(model.root, inputs, phase, startPhases([phase]));
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const { message, expected, found } = error;
    const site = error.site ?? "logits"; // outside of all modules: the root's own glue
    if (sites.at(-1)?.site === site) sites.pop();
    stop = { site, message, expected: [...expected], found: [...found] };
  } finally {
    model.context.tracer = null;
  }
  const { moduleSpecs: modules, tensorSpecs: tensors, reads } = model;
  return { sites, modules, tensors, ...(stop ? { stop } : {}), config_reads: reads.list() };
}
