import type { ConfigAudit } from "../verdict/audit.ts";
import type { Culprit, SizeReading } from "../verdict/culprit.ts";
import { whyOf } from "../verdict/deciding.ts";
import type { SiteVerdict, Why } from "../verdict/site.ts";
import type { SizeMismatch } from "../explain/shape-cause.ts";
import type { Result } from "../engine/protocol.ts";
import { explainSizes } from "../explain/shape-cause.ts";
import type { SizeHints } from "../explain/sizes.ts";
import { configNumbers, readSize } from "../explain/sizes.ts";
import type { Lengths } from "../explain/symbolic.ts";
import { substituteField } from "../explain/substitution.ts";
import { symbolicShape } from "../explain/symbolic.ts";
import { responsibleModule } from "../explain/culprits.ts";
import { layerOf, withoutLayer } from "../trace/site.ts";
import { elementCount } from "../trace/tensor.ts";
import type { Case } from "../case/case.ts";

type Shapes = Result<"shapes">;

/** One side's shapes at two lengths. */
export interface TwoShapes {
  readonly first: Shapes;
  readonly second: ReadonlyMap<string, readonly number[]>;
  /** The place where the forward stopped at the second length, where it did. */
  readonly secondStop?: NonNullable<Shapes["stop"]>;
}

/** The lengths at which a `shapes` case is run, to see which sizes move with the sequence. */
export const shapeLengths: Lengths = { first: 19, second: 27 };

/** The facts at the first site whose shapes differ, from which its culprit is made. */
export interface CulpritFacts {
  readonly testCase: Case;
  readonly first: SiteVerdict;
  readonly sites: readonly SiteVerdict[];
  readonly ours: TwoShapes;
  readonly theirs: TwoShapes;
  readonly audit: ConfigAudit;
}

/**
 * The first difference in shapes as a culprit: symbolic sizes, what they are products of, why, and which layers share
 * it.
 */
export function explainCulprit({ testCase, first, sites, ours, theirs, audit }: CulpritFacts): Culprit {
  const why = whyOf(first) as Extract<Why, { kind: "shape" }>;
  const expected = symbolicShape(why.expected, theirs.second.get(first.site), shapeLengths);
  const foundShape = symbolicShape(why.found, foundAtSecond(first.site, why, ours, theirs), shapeLengths);
  const axis = why.expected.findIndex((size, index) => size !== why.found[index]);
  const module = responsibleModule(first.site);
  const numbers = configNumbers(testCase.config);
  const hints = (shapes: TwoShapes, read: readonly string[], size: number): SizeHints => {
    const parts = partsBefore(shapes, module, size);
    return { numbers, read, ...(parts && { parts }) };
  };
  const scopeReads = (shapes: TwoShapes, scope: string | undefined): string[] =>
    shapes.first.config_reads.filter((read) => read.scope === scope).map(({ field }) => field);
  const [expectedSize, foundSize] = [why.expected[axis] ?? 0, why.found[axis] ?? 0];
  const expectedReading = readSize(expectedSize, hints(theirs, scopeReads(theirs, module), expectedSize));
  const foundReading = readSize(
    foundSize,
    hints(ours, scopeReads(ours, audit.at_culprit?.engine_scope ?? module), foundSize),
  );
  const affected = sites.filter(
    ({ site, expected: own }) => withoutLayer(site) === withoutLayer(first.site) && own!.shape[axis] === expectedSize,
  );
  const layers = sites.filter(({ site }) => withoutLayer(site) === withoutLayer(first.site));
  const affectedLayers = affected.map(({ site }) => layerOf(site)).filter((layer) => layer !== null);
  const causes =
    expectedReading && foundReading
      ? explainSizes({
          site: first.site,
          expected: expectedReading,
          found: foundReading,
          affectedLayers,
          layerCount: layers.length,
          layerKind: kindOf(testCase.config, affectedLayers, layers.length),
          sitesOfFoundSize: sitesOfSize(theirs, first.site, foundSize),
          fieldsOfFoundSize: numbers.filter(({ value }) => value === foundSize).map(({ path }) => path),
          neverRead: neverRead(audit, expectedReading),
          substitution: substituteField(
            expectedSize,
            foundSize,
            configNumbers(testCase.config, { least: 1 }),
            scopeReads(theirs, module),
          ),
          referenceScope: audit.at_culprit?.scope ?? module,
          engineScope: audit.at_culprit?.engine_scope ?? module,
          firstSeen: firstFunctionalDifference(ours, theirs, module),
        })
      : [];
  return {
    site: first.site,
    phase: first.phase,
    why,
    where: [],
    inherited: false,
    shapes: {
      expected,
      found: foundShape,
      expected_sizes: expectedReading ? [expectedReading] : [],
      found_sizes: foundReading ? [foundReading] : [],
      causes,
    },
    also: affected.filter(({ site }) => site !== first.site).map(({ site, phase }) => ({ site, phase })),
  };
}

/** The fields that only the reference reads there and that the expected size is made of. */
function neverRead({ at_culprit: there }: CulpritFacts["audit"], { factors }: SizeReading): string[] {
  return (there?.reference_only ?? []).filter((field) => {
    const leaf = field.slice(field.lastIndexOf(".") + 1);
    return factors.some(({ field: name }) => name?.includes(leaf));
  });
}

function foundAtSecond(
  site: string,
  { expected, found }: { readonly expected: readonly number[]; readonly found: readonly number[] },
  ours: TwoShapes,
  theirs: TwoShapes,
): readonly number[] | undefined {
  const exact = ours.second.get(site);
  if (exact) return exact;
  // The engine stopped here: sizes that agree with the reference move as the reference's do.
  const moved = theirs.second.get(site);
  return moved && found.map((size, axis) => (size === expected[axis] ? moved[axis]! : size));
}

/** The trailing axes of the module's last functional site whose product is `size`: what was merged to make it. */
function partsBefore(shapes: TwoShapes, module: string, size: number): number[] | null {
  const functional = shapes.first.sites.filter(({ site }) => site.startsWith(`${module}#`)).toReversed();
  for (const { shape } of functional) {
    const tail = shape.slice(-2);
    if (tail.length === 2 && elementCount(tail) === size) return tail;
  }
  return null;
}

function firstFunctionalDifference(ours: TwoShapes, theirs: TwoShapes, module: string): SizeMismatch["firstSeen"] {
  const engineSites = new Map(ours.first.sites.map(({ site, shape }) => [site, shape]));
  for (const { site, shape } of theirs.first.sites) {
    const found = engineSites.get(site);
    if (site.startsWith(`${module}#`) && found && found.join() !== shape.join())
      return { site, expected: [...shape], found: [...found] };
  }
  return null;
}

/** Output sites of the reference in the culprit's layer whose last axis has `size`. */
function sitesOfSize(theirs: TwoShapes, site: string, size: number): string[] {
  const layer = /^.*?\.\d+\./.exec(site)?.[0] ?? "";
  const outputs = theirs.first.sites.filter((tap) => tap.site.startsWith(layer) && tap.site.endsWith(":out"));
  return outputs.filter(({ shape }) => shape.at(-1) === size).map((tap) => tap.site);
}

/** The one `layer_types` value that exactly the affected layers have. */
function kindOf(config: unknown, affected: readonly number[], layerCount: number): string | null {
  const types = findLayerTypes(config);
  if (types?.length !== layerCount) return null;
  const kinds = new Set(affected.map((layer) => types[layer]));
  const [kind] = kinds;
  return kinds.size === 1 && kind !== undefined && types.filter((type) => type === kind).length === affected.length
    ? kind
    : null;
}

function findLayerTypes(config: unknown): string[] | null {
  if (typeof config !== "object" || config === null) return null;
  const { layer_types: types } = config as { layer_types?: unknown };
  if (Array.isArray(types)) return types as string[];
  for (const value of Object.values(config)) {
    const found = findLayerTypes(value);
    if (found) return found;
  }
  return null;
}
