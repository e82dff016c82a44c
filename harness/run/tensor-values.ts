/** Compares the numbers of the tensors that both sides have loaded: some act only through a choice, which no site shows. */
import type { EngineProcess } from "../engine/process.ts";
import { openSpoolFile } from "../engine/spool.ts";
import type { TensorSpec } from "../engine/specs.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { elementCount } from "../trace/tensor.ts";
import type { TensorAudit, ValueDifference } from "../verdict/audit.ts";
import { describeValues } from "../compare/values.ts";

/** Most elements of all tensors whose values are asked for: checksums tell that the others differ, not how. */
const describedElements = 16 * 2 ** 20;

interface Side {
  readonly process: EngineProcess;
  readonly tensors: readonly TensorSpec[];
}

/**
 * The numbers of the engine's tensors against the reference's: those of one name, shape and dtype, bit by bit; null where
 * one of them gives none.
 */
export async function compareTensorValues(engine: Side, reference: Side): Promise<TensorAudit["values"]> {
  if (!engine.process.hello.capabilities.tensors || !reference.process.hello.capabilities.tensors) return null;
  const theirs = new Map(reference.tensors.map((tensor) => [tensor.name, tensor]));
  const shared = engine.tensors.filter((own) => {
    const other = theirs.get(own.name);
    return own.tied_to === undefined && own.dtype === other?.dtype && own.shape.join() === other.shape.join();
  });
  const names = shared.map(({ name }) => name);
  const [ours, expected] = await Promise.all([checksums(engine.process, names), checksums(reference.process, names)]);
  const given = shared.filter(({ name }) => ours.has(name) && expected.has(name));
  const wrong = given.filter(({ name }) => ours.get(name) !== expected.get(name));
  return { compared: given.length, different: await describe(wrong, engine.process, reference.process) };
}

/** The checksums of some tensors by name; an engine leaves out what it does not keep as the checkpoint has it. */
async function checksums(side: EngineProcess, names: string[]): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  const { checksums: all } = await side.request("tensors", { names });
  return new Map(all.map(({ name, dtype, sha256 }) => [name, `${dtype} ${sha256}`]));
}

async function describe(
  wrong: readonly TensorSpec[],
  engine: EngineProcess,
  reference: EngineProcess,
): Promise<ValueDifference[]> {
  let left = describedElements;
  const asked = wrong.filter(({ shape }) => (left -= elementCount(shape)) >= 0).map(({ name }) => name);
  const [ours, theirs] = await Promise.all([values(engine, asked), values(reference, asked)]);
  return wrong.map(({ name, dtype }) => {
    const [found, expected] = [ours.get(name), theirs.get(name)];
    const facts = found && expected ? describeValues(found, expected) : null;
    return { name, dtype, ...(facts ?? { count: null, of: null, relative: null, rounded_to: null }) };
  });
}

/** The values of some tensors by name; none where an engine answers without them. */
async function values(side: EngineProcess, names: string[]): Promise<ReadonlyMap<string, RawTensor>> {
  if (names.length === 0) return new Map();
  const { file } = await side.request("tensors", { names, values: true });
  if (file === null) return new Map();
  using opened = openSpoolFile(side.spool, file, side.hello.name);
  return opened.take();
}
