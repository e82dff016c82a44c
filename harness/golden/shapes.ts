/** Recorded shapes: an engine is compared with them as with the live reference, without Python. */
import type { Case } from "../case/case.ts";
import { hashConfig } from "../case/config-hash.ts";
import type { EnginePool } from "../engine/pool.ts";
import { askShapes, compareShapesWith } from "../run/shapes.ts";
import { identify } from "../run/verdict-builder.ts";
import type { Verdict } from "../verdict/schema.ts";
import { refuseOldShapes } from "./fresh-checkpoint.ts";
import { goldenVersion } from "./format/schema.ts";
import type { ShapesGolden } from "./format/shapes.ts";
import { readShapesGolden, readsOf } from "./format/shapes.ts";

/** Compares the shapes of all module sites of a config with recorded ones: no Python. */
export async function checkShapesGolden(
  pool: EnginePool,
  testCase: Case,
  options: { readonly engine?: string; readonly folder: string },
): Promise<Verdict> {
  return compareShapesWith(pool, testCase, options, () => {
    const golden = readShapesGolden(options.folder, hashConfig(testCase.config), testCase.name);
    refuseOldShapes(golden.reference, testCase);
    const first = golden.sites.map(([site, dtype, shape]) => ({ site, dtype, shape }));
    const second = new Map(golden.sites.map(([site, , , shape]) => [site, shape]));
    const shapes = {
      first: { sites: first, modules: [], tensors: golden.tensors, config_reads: readsOf(golden) },
      second,
    };
    return Promise.resolve({ identity: golden.reference, shapes });
  });
}

/** Records the reference's shapes of a case's config. */
export async function recordShapes(pool: EnginePool, testCase: Case): Promise<ShapesGolden> {
  const reference = await pool.reference();
  const { first, second } = await askShapes(reference, testCase);
  return {
    golden: goldenVersion,
    config: hashConfig(testCase.config),
    reference: identify(reference.hello),
    sites: first.sites.map(({ site, dtype, shape }) => [site, dtype, shape, [...(second.get(site) ?? [])]]),
    tensors: first.tensors,
    reads: first.config_reads.map(({ scope, field }) => [scope, field]),
  };
}
