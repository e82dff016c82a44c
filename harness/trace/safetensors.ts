import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Dtype } from "./dtypes.ts";
import { dtypeBytes, isDtype } from "./dtypes.ts";
import { temporaryName } from "./process-place.ts";
import { isSystemError, reasonOf } from "./system-error.ts";
import type { RawTensor } from "./tensor.ts";
import { pathName } from "./names.ts";
import { elementCount } from "./tensor.ts";

/** The place of one tensor in a file. Offsets are absolute, in bytes. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** A safetensors file or a sharded checkpoint, header only: data is read on demand. */
export interface TensorIndex {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A file that is not valid safetensors. The message names file, expectation and finding. */
export class SafetensorsError extends Error {
  override readonly name = "SafetensorsError";
}

const metadataKey = "__metadata__";
const maxHeaderBytes = 100_000_000; // the limit of the reference implementation

/**
 * Reads and validates the header of one safetensors file: a regular file, header size and JSON, known dtypes, sizes
 * that match shapes, ranges inside the file, contiguous and without overlap.
 * @throws SafetensorsError naming what was expected and found.
 */
export function readSafetensorsIndex(file: string): TensorIndex {
  const fd = openToRead(file);
  try {
    return readIndexFrom(fd, file);
  } finally {
    closeSync(fd);
  }
}

/** The same of a file that is open; `file` is its name. @throws SafetensorsError */
export function readIndexFrom(fd: number, file: string): TensorIndex {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw bad(file, "a regular file", stat.isDirectory() ? "a folder" : "a pipe or device");
  const { size } = stat;
  if (size < 8) throw bad(file, "at least 8 bytes", `${size}`);
  const headerBytes = Number(readBytes(fd, { file, start: 0, length: 8 }).readBigUInt64LE());
  if (headerBytes > maxHeaderBytes || headerBytes > size - 8)
    throw bad(file, `a header of at most ${Math.min(maxHeaderBytes, size - 8)} bytes`, `${headerBytes}`);
  return parseHeader(file, readBytes(fd, { file, start: 8, length: headerBytes }), 8 + headerBytes, size);
}

/** Opens a file without waiting, which a pipe without a writer would make it. @throws SafetensorsError */
function openToRead(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw bad(file, "a file that can be read", error.code === "ENOENT" ? "none" : `that ${reasonOf(error)}`);
  }
}

function readBytes(fd: number, { file, start, length }: { file: string; start: number; length: number }): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const count = readSync(fd, bytes, done, length - done, start + done);
    if (count === 0) throw bad(file, `${length} bytes from byte ${start} on`, `${done}`);
    done += count;
  }
  return bytes;
}

function parseHeader(file: string, header: Buffer, dataStart: number, fileSize: number): TensorIndex {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch {
    throw bad(file, "a JSON header", `${JSON.stringify(header.subarray(0, 24).toString("latin1"))}...`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw bad(file, "a JSON object as header", Array.isArray(parsed) ? "an array" : String(parsed));
  const entries = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === metadataKey) metadata = parseMetadata(file, value);
    else entries.set(name, parseEntry(file, name, value, dataStart, fileSize));
  }
  checkLayout(file, [...entries.values()], dataStart, fileSize);
  return { entries, metadata };
}

function parseMetadata(file: string, value: unknown): Record<string, string> {
  if (!isTexts(value)) throw bad(`${file}, ${metadataKey}`, "an object of texts", JSON.stringify(value));
  return value;
}

/** True for an object whose values are all texts. */
function isTexts(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((text) => typeof text === "string");
}

function parseEntry(file: string, name: string, value: unknown, dataStart: number, fileSize: number): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const where = `${file}, tensor ${name}`;
  if (typeof dtype !== "string" || !isDtype(dtype))
    throw bad(where, `a dtype of ${Object.keys(dtypeBytes).join(", ")}`, String(dtype));
  if (!isSizes(shape)) throw bad(where, "a shape of whole numbers", JSON.stringify(shape));
  if (!isSizes(offsets) || offsets.length !== 2) throw bad(where, "data_offsets [start, end]", JSON.stringify(offsets));
  const [start, end] = [dataStart + offsets[0]!, dataStart + offsets[1]!];
  const wanted = elementCount(shape) * dtypeBytes[dtype];
  if (end - start !== wanted) throw bad(where, `${wanted} bytes for ${dtype} [${shape}]`, `${end - start}`);
  if (end > fileSize) throw bad(where, `data that ends within the file's ${fileSize} bytes`, `${end}`);
  return { name, dtype, shape, file, start, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function checkLayout(file: string, entries: TensorEntry[], dataStart: number, fileSize: number): void {
  let end = dataStart;
  for (const entry of entries.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (entry.start !== end) throw bad(`${file}, tensor ${entry.name}`, `data at byte ${end}`, `${entry.start}`);
    end = entry.end;
  }
  if (end !== fileSize) throw bad(file, `${end} bytes, as the header says`, `${fileSize}`);
}

function bad(where: string, expected: string, found: string): SafetensorsError {
  return new SafetensorsError(
    `${where.slice(0, 500)}: expected ${expected.slice(0, 500)}, found ${String(found).slice(0, 200)}. Write the file again, or fetch it again if it was downloaded.`,
  );
}

/**
 * Opens a checkpoint directory: `model.safetensors`, or the shards that `model.safetensors.index.json` names.
 * @throws SafetensorsError when neither exists, or a shard lacks a tensor that the index promises.
 */
export function openCheckpoint(directory: string): TensorIndex {
  const single = join(directory, "model.safetensors");
  if (existsSync(single)) return readSafetensorsIndex(single);
  const indexFile = join(directory, "model.safetensors.index.json");
  if (!existsSync(indexFile)) throw bad(directory, "model.safetensors or model.safetensors.index.json", "neither");
  const weightMap = readWeightMap(indexFile);
  const shards = new Map<string, TensorIndex>();
  for (const shard of new Set(Object.values(weightMap))) {
    if (shard !== basename(shard) || !pathName.test(shard))
      throw bad(indexFile, "names of files beside it", JSON.stringify(shard));
    const file = join(dirname(indexFile), shard);
    if (!existsSync(file)) throw bad(indexFile, `the shard ${shard} beside it`, "no such file");
    shards.set(shard, readSafetensorsIndex(file));
  }
  const entries = new Map<string, TensorEntry>();
  for (const [name, shard] of Object.entries(weightMap)) {
    const entry = shards.get(shard)!.entries.get(name);
    if (!entry) throw bad(`${indexFile}, tensor ${name}`, `the tensor in ${shard}`, "no such tensor there");
    entries.set(name, entry);
  }
  return { entries, metadata: {} };
}

function readWeightMap(indexFile: string): Record<string, string> {
  const text = readFileSync(indexFile, "utf8");
  try {
    const { weight_map: weightMap } = JSON.parse(text) as { weight_map?: unknown };
    if (isTexts(weightMap)) return weightMap;
  } catch {
    // reported below
  }
  throw bad(indexFile, '{"weight_map": {tensor: shard}}', JSON.stringify(text.slice(0, 40)));
}

/**
 * Reads one tensor's bytes, into `target` when given (at least `entry.end - entry.start` long, 8-aligned).
 * @throws SafetensorsError when the file ends early.
 */
export function readTensor(entry: TensorEntry, target?: Uint8Array, fd?: number): RawTensor {
  const length = entry.end - entry.start;
  const bytes = target ? target.subarray(0, length) : new Uint8Array(length);
  const handle = fd ?? openToRead(entry.file);
  try {
    let done = 0;
    while (done < length) {
      const count = readSync(handle, bytes, done, Math.min(length - done, 2 ** 30), entry.start + done);
      if (count === 0) throw bad(`${entry.file}, tensor ${entry.name}`, `${length} bytes`, `${done}`);
      done += count;
    }
  } finally {
    if (fd === undefined) closeSync(handle);
  }
  return { dtype: entry.dtype, shape: entry.shape, bytes };
}

/** All tensors of a file, by name. @throws SafetensorsError */
export function readSafetensors(file: string): ReadonlyMap<string, RawTensor> {
  const { entries } = readSafetensorsIndex(file);
  return new Map([...entries.values()].map((entry) => [entry.name, readTensor(entry)]));
}

/**
 * Writes tensors as one safetensors file, data 8-byte aligned, atomically (temp file, then rename). Tensors are
 * ordered by descending element size, as the reference writer does, so that every one is aligned.
 * @throws SafetensorsError for a tensor whose bytes do not fit its shape, or that is named as the metadata are.
 */
export function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, RawTensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const ordered = [...tensors].toSorted(([, a], [, b]) => dtypeBytes[b.dtype] - dtypeBytes[a.dtype]);
  const header: [string, object][] = Object.keys(metadata).length > 0 ? [[metadataKey, metadata]] : [];
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of ordered) {
    const where = `${file}, tensor ${name}`;
    const wanted = elementCount(shape) * dtypeBytes[dtype];
    if (name === metadataKey) throw bad(where, "another name", "the one that stands for metadata");
    if (bytes.byteLength !== wanted) throw bad(where, `${wanted} bytes for ${dtype} [${shape}]`, `${bytes.byteLength}`);
    header.push([name, { dtype, shape, data_offsets: [offset, offset + wanted] }]);
    offset += wanted;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  padded.writeBigUInt64LE(BigInt(padded.length - 8));
  json.copy(padded, 8);
  const temporary = temporaryName(file);
  const fd = openSync(temporary, "w");
  try {
    writeAll(fd, padded);
    for (const [, { bytes }] of ordered) writeAll(fd, bytes);
    closeSync(fd);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength;) done += writeSync(fd, bytes, done, bytes.byteLength - done);
}
