import { z } from "zod";
import { EngineError } from "../../../harness/engine/implementation.ts";
import type { ModuleSpec, TensorSpec } from "../../../harness/engine/specs.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";
import type { BuiltModel, Fault } from "../fault.ts";
import { ConfigReads, viewConfig } from "../layers/config_view.ts";
import type { ModelContext } from "../layers/context.ts";
import type { Module } from "../layers/module.ts";
import type { Build, DeclaredTensor, WeightProblem } from "../layers/scope.ts";
import { Construction, Scope } from "../layers/scope.ts";
import type { Architecture } from "../models/registry.ts";
import { findArchitecture } from "../models/registry.ts";
import { cast } from "../tensor/elementwise.ts";
import type { FloatDtype } from "../tensor/rounding.ts";
import type { Tensor } from "../tensor/tensor.ts";

type Json = Record<string, unknown>;

/** A model that is ready to run, and what it declared while it was built. */
export interface LoadedModel extends BuiltModel {
  readonly context: ModelContext;
  readonly config: object;
  readonly reads: ConfigReads;
  readonly fault: Fault | null;
  /** The modules in registration order, the root first. */
  readonly moduleSpecs: ModuleSpec[];
  /** The weights by state-dict name, as they were handed to the modules; none where they are not kept. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** The tensors in state-dict order: a module's own before those of its children. */
  readonly tensorSpecs: TensorSpec[];
}

/** The source of a model: its raw config, and its weights by state-dict name, or null for shapes only. */
export interface ModelSource {
  readonly config: Json;
  readonly fault: Fault | null;
  readonly weights: ReadonlyMap<string, Tensor> | null;
  /** The dtype that the model computes in: weights are rounded to it. Default F32. */
  readonly dtype?: FloatDtype;
  /** Makes a weight one of `dtype`; by default an ordinary tensor, rounded. */
  readonly settle?: (weight: Tensor, dtype: FloatDtype) => Tensor;
  /** False for a large model: what its modules have made of their weights then takes the weights' place. True by default. */
  readonly keepsWeights?: boolean;
}

/** The architecture and the parsed config of a raw one, after the fault's change. */
export function readConfig(source: Pick<ModelSource, "config" | "fault">): {
  architecture: Architecture;
  config: object;
} {
  const json = source.fault?.config?.(structuredClone(source.config)) ?? source.config;
  const architecture = findArchitecture(json);
  try {
    return { architecture, config: architecture.parseConfig(json) };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const issues = error.issues.map(({ path, message }) =>
      path.length > 0 ? `${path.join(".")}: ${message}` : message,
    );
    throw new EngineError(
      errorCodes.unsupported,
      `this config is not one the engine implements: ${issues.join("; ")}`,
      {
        where: "config.json",
        found: issues.join("; "),
        remedy: "unknown keys may change the model: add them to models/*.config.ts, as implemented or as inert",
      },
    );
  }
}

/**
 * Builds a model and applies the fault.
 * @throws EngineError `badInput` naming all missing, unexpected and misshapen weights.
 */
export function buildModel(source: ModelSource): LoadedModel {
  const { fault, weights, dtype = "F32", settle = cast, keepsWeights = true } = source;
  const { architecture, config } = readConfig(source);
  const context: ModelContext = { tracer: null, dtype, shapesOnly: weights === null };
  const reads = new ConfigReads();
  const asked = new Set<string>();
  const build: Build = {
    context,
    reads,
    modules: new Map(),
    weights: new Map(),
    tensors: [],
    problems: [],
    configFor: (path) => fault?.scopeConfig?.(path, structuredClone(config) as Json) ?? config,
    weight: (name, kept) => {
      asked.add(name);
      const tensor = weights?.get(name);
      if (!tensor) return null;
      return settle(fault?.weights?.(name, tensor, weights!) ?? tensor, kept);
    },
  };
  const construction = new Construction(build);
  const root = architecture.build(new Scope(construction, ""), viewConfig(config, { scope: "", reads }));
  construction.close(); // modules keep their scopes
  if (weights !== null)
    checkManifest(
      build.problems,
      [...weights.keys()].filter((name) => !asked.has(name)),
    );
  // A scope knows modules only as places; what registered there are modules.
  const modules = new Map([...build.modules].map(([path, module]) => [path, module as Module]));
  fault?.model?.({ root, modules }, config as Json);
  return {
    root,
    modules,
    context,
    config,
    reads,
    fault,
    moduleSpecs: [...build.modules].map(([path, module]) => ({ path, type: module.type })),
    weights: keepsWeights ? build.weights : new Map(),
    tensorSpecs: inStateDictOrder(build.tensors, [...build.modules.keys()]),
  };
}

function inStateDictOrder(tensors: readonly DeclaredTensor[], owners: readonly string[]): TensorSpec[] {
  const byOwner = Map.groupBy(tensors, ({ owner }) => owner);
  return owners.flatMap((owner) => (byOwner.get(owner) ?? []).map(toSpec));
}

function toSpec({ name, shape, dtype, tied_to }: DeclaredTensor): TensorSpec {
  return { name, shape, dtype, ...(tied_to === undefined ? {} : { tied_to }) };
}

function checkManifest(problems: readonly WeightProblem[], unexpected: readonly string[]): void {
  const lines = [
    ...problems.map(({ kind, name, detail }) => `${kind} ${name}: ${detail}`),
    ...unexpected.map((name) => `unexpected ${name}`),
  ];
  if (lines.length === 0) return;
  const shown = lines.slice(0, 12);
  if (lines.length > shown.length) shown.push(`and ${lines.length - shown.length} more`);
  throw new EngineError(errorCodes.badInput, `the checkpoint does not fit its config:\n  ${shown.join("\n  ")}`, {
    expected: "exactly the tensors that config.json asks for",
    found: `${problems.length} missing or different, ${unexpected.length} unexpected`,
    where: (problems[0]?.name ?? unexpected[0])!,
    remedy: "check that config.json belongs to these weights",
  });
}
