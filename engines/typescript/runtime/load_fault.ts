import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { EngineError } from "../../../harness/engine/implementation.ts";
import type { FaultSpec } from "../../../harness/engine/specs.ts";
import { errorCodes } from "../../../harness/engine/notifications.ts";
import type { Fault } from "../fault.ts";

/**
 * The fault that `spec` names, or null without a spec. `spec.module` is a file URL or a path.
 * @throws EngineError `badInput` when the module can't be imported or has no such export.
 */
export async function loadFault(spec: FaultSpec | undefined): Promise<Fault | null> {
  if (spec === undefined) return null;
  const url = spec.module.startsWith("file:") ? spec.module : pathToFileURL(resolve(spec.module)).href;
  let exports: Record<string, unknown>;
  try {
    exports = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    throw new EngineError(errorCodes.badInput, `the fault module can't be imported: ${(error as Error).message}`, {
      where: spec.module,
      remedy: "give a file URL or a path to a TypeScript or JavaScript module",
    });
  }
  const fault = exports[spec.name] as Fault | undefined;
  if (typeof fault === "object" && fault !== null && typeof fault.id === "string") return fault;
  throw new EngineError(errorCodes.badInput, `the fault module has no fault ${spec.name}`, {
    expected: `an export of type Fault, one of ${Object.keys(exports).join(", ")}`,
    found: fault === undefined ? "no such export" : typeof fault,
    where: spec.module,
  });
}
