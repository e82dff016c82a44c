/** What the package offers to programs: cases, engines and verdicts. */
export { verdict as verdictSchema } from "./verdict/schema.ts";
export type { Verdict } from "./verdict/schema.ts";
export type { SiteVerdict } from "./verdict/site.ts";
export { EngineError } from "./engine/implementation.ts";
export type { EmitTaps, EngineImplementation, Tap } from "./engine/implementation.ts";
export type { EngineObject, TakeTaps } from "./engine/in-process.ts";
export { serveEngine } from "./engine/serve.ts";
export { renderHtml } from "./report/html/render.ts";
export { renderVerdict } from "./report/terminal.ts";
export { defineCase, planPhases } from "./case/case.ts";
export type { Case, CaseDefinition, Inputs } from "./case/case.ts";
export { createPool } from "./engine/pool.ts";
export { runCase } from "./run/live.ts";
export { runShapesCase } from "./run/shapes.ts";
export { readSafetensors } from "./trace/safetensors.ts";
export { openCheckpoint, readTensor } from "./trace/safetensors.ts";
export type { RawTensor } from "./trace/tensor.ts";
export { boolTensor, float32Tensor, int64Tensor, toNumbers } from "./trace/tensor.ts";
