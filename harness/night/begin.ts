/** Begins a night: its name, and the versions that the roles of the reference stand for. */
import type { Asked } from "./history/record.ts";
import { referenceEngine } from "../engine/registry.ts";
import { ensureEnvironment } from "../setup/python.ts";
import { availableVersions, pinnedVersion, resolveVersion } from "../setup/reference-versions.ts";
import { EnvironmentError } from "../trace/errors.ts";
import { requirementFiles } from "../engine/pool.ts";
import type { OpenNight } from "./folder.ts";
import { nameNight } from "./folder.ts";
import { unknownVersion } from "./plan.ts";

/**
 * A new night, or the one that goes on, with the versions that its roles stand for; those that could not be found out
 * are asked for again.
 */
export async function beginNight(
  { asked, fresh }: { readonly asked: Asked; readonly fresh: boolean },
  resumed: OpenNight | null,
  { taken, report }: { readonly taken: ReadonlySet<string>; readonly report: (line: string) => void },
): Promise<OpenNight> {
  const now = new Date();
  const requirements = requirementFiles(referenceEngine());
  const { python } = await ensureEnvironment(requirements, report);
  let list: Promise<readonly string[]> | undefined;
  const available = (): Promise<readonly string[]> => (list ??= availableVersions(python));
  const pinned = pinnedVersion(requirements);
  const references: { role: string; version: string }[] = [];
  for (const role of asked.references) {
    const known = resumed?.references.find((one) => one.role === role)?.version ?? unknownVersion;
    try {
      const version = known === unknownVersion ? await resolveVersion(role, { pinned, available }) : known;
      references.push({ role, version });
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error;
      report(`missing  the ${role} reference: ${error.message}`);
      references.push({ role, version: unknownVersion });
    }
  }
  const { night, started } = resumed ?? { night: nameNight(now, taken), started: now.toISOString() };
  return { night, started, fresh: resumed?.fresh ?? fresh, references };
}
