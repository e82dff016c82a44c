/**
 * The interface for programs: cases, engines and verdicts, with the types that its functions take, return and throw.
 * @packageDocumentation
 */
export type { Case, CaseDefinition, Inputs } from "./case/case.ts";
export { defineCase, planPhases } from "./case/case.ts";
export type { EmitTaps, EngineImplementation, Tap } from "./engine/implementation.ts";
export { EngineError } from "./engine/implementation.ts";
export type { EngineObject, TakeTaps } from "./engine/in-process.ts";
export type { EnginePool, PoolOptions } from "./engine/pool.ts";
export { createPool } from "./engine/pool.ts";
export type { BatchListener, EngineProcess, Feed, Patience, TapBatch, TapStream } from "./engine/process.ts";
export type { Method, Params, Result } from "./engine/protocol.ts";
export type { ConfigRead, FaultSpec, KvPlan, ModuleSpec, PhaseSpec, TensorSpec } from "./engine/specs.ts";
export type { ErrorData, TapsNotification } from "./engine/notifications.ts";
export { protocolVersion } from "./engine/protocol.ts";
export { errorCodes } from "./engine/notifications.ts";
export { serveEngine } from "./engine/serve.ts";
export type { CheckOptions } from "./golden/check.ts";
export { checkAny as checkGolden } from "./golden/kinds.ts";
export type { PastResult } from "./report/html/trend.ts";
export { renderHtml } from "./report/html/render.ts";
export { renderJunit } from "./report/junit.ts";
export { renderMarkdown } from "./report/markdown.ts";
export { renderSarif } from "./report/sarif.ts";
export { renderSummary, renderVerdict } from "./report/terminal.ts";
export type { RunOptions } from "./run/live.ts";
export { runCase } from "./run/live.ts";
export { runShapesCase } from "./run/shapes.ts";
export { PythonUnavailable } from "./setup/python.ts";
export type { ComputeDtype, Dtype } from "./trace/dtypes.ts";
export { EngineFailure, EnvironmentError, UsageError } from "./trace/errors.ts";
export type { TensorEntry, TensorIndex } from "./trace/safetensors.ts";
export {
  openCheckpoint,
  readSafetensors,
  readTensor,
  SafetensorsError,
  writeSafetensors,
} from "./trace/safetensors.ts";
export type { Site } from "./trace/site.ts";
export type { RawTensor } from "./trace/tensor.ts";
export { boolTensor, float32Tensor, int64Tensor, toNumbers } from "./trace/tensor.ts";
export type * from "./verdict/audit.ts";
export type { Culprit, Factor, SizeCause, SizeReading } from "./verdict/culprit.ts";
export type { Change, ChangeOf, NumberFact, Part, SourceLine, Subject } from "./verdict/change.ts";
export type { Counterfactual, ErrorReading, Explanation, Hole, HoleReason, Power } from "./verdict/explanation.ts";
export { changeText } from "./verdict/words/change.ts";
export type { EngineIdentity, Verdict } from "./verdict/schema.ts";
export { verdict as verdictSchema, verdictVersion } from "./verdict/schema.ts";
export type {
  Detail,
  Direction,
  Distance,
  Flips,
  Judgement,
  Place,
  Region,
  SiteVerdict,
  Status,
  TensorKind,
  Unjudged,
  Why,
} from "./verdict/site.ts";
