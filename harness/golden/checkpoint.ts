import { createHash } from "node:crypto";
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, keepInCache } from "../setup/cache.ts";
import { drawParameter, generatorVersion } from "../trace/draw.ts";
import { temporaryName } from "../trace/process-place.ts";
import { readSafetensors, writeSafetensors } from "../trace/safetensors.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { float32Tensor } from "../trace/tensor.ts";
import type { Golden } from "./format/schema.ts";
import { hashConfig } from "../case/config-hash.ts";
import { makeFolder } from "../trace/make-folder.ts";

const [configName, weightsName] = ["config.json", "model.safetensors"];

/**
 * The checkpoint of a golden, drawn again from its seed into the cache: the same bits as the reference's own, without
 * Python. What lies there is compared with what is drawn whenever it is used.
 * @returns the directory and the SHA-256 over its tensors.
 */
export function drawCheckpoint(config: unknown, { seed, tensors }: Golden): { directory: string; sha256: string } {
  const drawn = new Map<string, RawTensor>(
    tensors.map(([name, shape]) => [name, float32Tensor(drawParameter(seed, name, shape), shape)]),
  );
  const key = createHash("sha256").update(
    `${hashConfig(config)}\0${seed}\0${generatorVersion}\0${JSON.stringify(tensors)}`,
  );
  const directory = join(cacheFolder("checkpoints"), `drawn-${key.digest("hex").slice(0, 24)}`);
  const sha256 = hashTensors(drawn);
  const text = JSON.stringify(config, null, 2);
  const write = (): void => {
    const fresh = temporaryName(directory);
    makeFolder(fresh);
    writeFileSync(join(fresh, configName), text);
    writeSafetensors(join(fresh, weightsName), drawn);
    rmSync(directory, { recursive: true, force: true });
    renameSync(fresh, directory);
  };
  const isWhole = (): boolean =>
    readdirSync(directory).toSorted().join() === [configName, weightsName].join() &&
    readFileSync(join(directory, configName), "utf8") === text &&
    hashTensors(readSafetensors(join(directory, weightsName))) === sha256;
  keepInCache(directory, { isWhole, write });
  return { directory, sha256 };
}

/** The checksum of docs/protocol.md: name, dtype, shape and bytes of every tensor in order of name. */
export function hashTensors(tensors: ReadonlyMap<string, RawTensor>): string {
  const hash = createHash("sha256");
  for (const [name, { dtype, shape, bytes }] of [...tensors].toSorted(([a], [b]) => byCodePoints(a, b)))
    hash.update(`${name}\0${dtype}\0${shape}\0`).update(bytes);
  return hash.digest("hex");
}

/** Orders texts as Python does. `<` compares UTF-16 units, which put U+1F600 before U+E000. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
