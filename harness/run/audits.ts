import type { ConfigAudit, DeclaredTensor, TensorAudit } from "../verdict/audit.ts";
import type { ConfigRead, TensorSpec } from "../engine/specs.ts";

/** Compares the engine's state dict with the reference's: names, shapes, ties. */
export function auditTensors(engine: readonly TensorSpec[], reference: readonly TensorSpec[]): TensorAudit {
  const ours = new Map(engine.map((tensor) => [tensor.name, tensor]));
  const theirs = new Map(reference.map((tensor) => [tensor.name, tensor]));
  const different = [];
  for (const [name, expected] of theirs) {
    const found = ours.get(name);
    if (found && !isSame(found, expected))
      different.push({ name, expected: declared(expected), found: declared(found) });
  }
  return {
    compared: [...theirs.keys()].filter((name) => ours.has(name)).length,
    missing: [...theirs.keys()].filter((name) => !ours.has(name)),
    unexpected: [...ours.keys()].filter((name) => !theirs.has(name)),
    different,
    values: null,
  };
}

/** True when both sides have the same tensors. */
export function tensorsAgree({ missing, unexpected, different, values }: TensorAudit): boolean {
  return missing.length + unexpected.length + different.length + (values?.different.length ?? 0) === 0;
}

function isSame(one: TensorSpec, other: TensorSpec): boolean {
  return one.shape.join() === other.shape.join() && one.tied_to === other.tied_to;
}

function declared({ shape, tied_to: tied }: TensorSpec): DeclaredTensor {
  return { shape: [...shape], tied_to: tied ?? null };
}

/**
 * Compares which config fields the two sides read: in all, and, for a culprit, in the module it lies in. `producer` is
 * the engine's scope that made the wrong tensor (a functional scope such as `...self_attn#attention` where the engine
 * has one).
 */
export function auditConfig(
  engine: readonly ConfigRead[],
  reference: readonly ConfigRead[],
  culpritModule: string | null,
): ConfigAudit {
  const ours = fieldsOf(engine);
  const theirs = fieldsOf(reference);
  const audit: ConfigAudit = {
    never_read_by_engine: difference(theirs, ours),
    never_read_by_reference: difference(ours, theirs),
  };
  if (culpritModule === null) return audit;
  const scope = culpritModule;
  const functional = engine.filter((read) => read.scope.startsWith(`${scope}#`));
  const engineReads = functional.length > 0 ? functional : engine.filter((read) => read.scope === scope);
  if (engineReads.length === 0) return audit;
  const expected = fieldsOf(reference.filter((read) => read.scope === scope));
  return {
    ...audit,
    at_culprit: {
      scope,
      engine_scope: engineReads[0]!.scope,
      reference_only: difference(expected, fieldsOf(engineReads)),
      engine_reads: [...fieldsOf(engineReads)].toSorted(),
    },
  };
}

function fieldsOf(reads: readonly ConfigRead[]): Set<string> {
  return new Set(reads.map(({ field }) => field));
}

function difference(a: ReadonlySet<string>, b: ReadonlySet<string>): string[] {
  return [...a].filter((field) => !b.has(field)).toSorted();
}
