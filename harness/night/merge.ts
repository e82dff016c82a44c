/** Shares of one night, each run by a machine of its own, as one night of the history. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { verdict as verdictSchema } from "../verdict/schema.ts";
import { openHistory, journalPath } from "./history/index-file.ts";
import type { Night } from "./history/journal.ts";
import { appendNight } from "./history/journal.ts";
import type { NightLine, ResultLine } from "./history/record.ts";
import { isGreen, nightLine, resultLine } from "./history/record.ts";
import { openStore, writeJson } from "./history/store.ts";
import { UsageError } from "../trace/errors.ts";
import { checkName, pathName } from "../trace/names.ts";
import { readUserJson } from "../trace/user-file.ts";
import { lockFolder, nameNight, openNights } from "./folder.ts";
import type { Shard } from "./shards.ts";

const shardFile = z.strictObject({
  shard: z.strictObject({ index: z.int().positive(), count: z.int().positive() }),
  /** Titles of all jobs of the night, whoever runs them. */
  plan: z.array(z.string()),
  night: nightLine,
  results: z.array(resultLine),
  /** Verdicts that are not as expected, by key. */
  verdicts: z.record(z.string().regex(pathName), verdictSchema),
});

/** The share of a night that one machine has run. */
export type ShardFile = z.infer<typeof shardFile>;

/** Writes a share for `lockstep merge`; returns its file. */
export function writeShard(
  folder: string,
  options: Night & {
    readonly shard: Shard;
    readonly plan: readonly string[];
    readonly verdictPath: (key: string) => string;
  },
): string {
  const { shard, plan, night, results, verdictPath } = options;
  const file = join(folder, "shards", `${night.night}-${shard.index}-of-${shard.count}.json`);
  const verdicts = results
    .filter(({ met, key }) => !met && existsSync(verdictPath(key)))
    .map(({ key }) => [key, JSON.parse(readFileSync(verdictPath(key), "utf8")) as unknown]);
  writeJson(file, { shard, plan, night, results, verdicts: Object.fromEntries(verdicts) });
  return file;
}

/** Reads a share. @throws UsageError when the file holds something else */
export function readShard(file: string): ShardFile {
  const expected = "what lockstep nightly --shard writes";
  const parsed = shardFile.safeParse(readUserJson(file, expected));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`${file}: expected ${expected}; ${issue!.path.join(".") || "file"}: ${issue!.message}`);
}

/**
 * Puts shares together, results in the order of the plan. Pure.
 * @throws UsageError when they are not of one night and one state of the sources, one is missing or there twice, or the
 * plan is not covered exactly
 */
export function joinShards(shards: readonly ShardFile[]): Night {
  const [first] = shards;
  if (!first) throw new UsageError("expected the files of a night's shards, found none");
  const refuse = (expected: string, found: string): never => {
    throw new UsageError(`these are not the shards of one night: expected ${expected}, found ${found}`);
  };
  const { count } = first.shard;
  for (const { shard, night, plan } of shards) {
    const title = `shard ${shard.index}/${shard.count}`;
    const same: readonly [string, string | undefined, string | undefined][] = [
      ["number of shards", String(count), String(shard.count)],
      ["options", first.night.scope, night.scope],
      ["lockstep", first.night.harness, night.harness],
      ["commit", first.night.commit?.id, night.commit?.id],
      ["plan", first.plan.join(), plan.join()],
    ];
    const other = same.find(([, one, another]) => one !== another);
    if (other && other[0] === "plan")
      refuse("the same jobs in all of them", `others in ${title} (other cases, or other versions of the reference)`);
    if (other)
      refuse(`${other[0]} ${other[1] ?? "none"} as in shard ${first.shard.index}`, `${other[2] ?? "none"} in ${title}`);
  }
  const indices = shards.map(({ shard }) => shard.index).toSorted((a, b) => a - b);
  const wanted = Array.from({ length: count }, (_, place) => place + 1);
  if (indices.join() !== wanted.join()) refuse(`shards ${wanted.join(", ")}`, indices.join(", "));
  const results = new Map<string, ResultLine>();
  for (const result of shards.flatMap((shard) => shard.results)) {
    const title = titleOf(result);
    if (results.has(title))
      refuse("each job in one shard", `${title} in two (the shards had other histories to balance by)`);
    results.set(title, result);
  }
  const missing = first.plan.filter((title) => !results.has(title));
  if (missing.length > 0)
    refuse(
      "every job in a shard",
      `none for ${missing[0]} and ${missing.length - 1} more (the shards had other histories to balance by)`,
    );
  const ordered = first.plan.map((title) => results.get(title)!);
  const started = shards.map(({ night }) => night.started).toSorted()[0]!;
  const night: NightLine = {
    ...first.night,
    started,
    seconds: Math.round(shards.reduce((sum, shard) => sum + shard.night.seconds, 0) * 10) / 10,
    results: ordered.length,
    green: isGreen(ordered),
  };
  return { night, results: ordered };
}

/** The title that `jobTitle` gives the job of a result. */
export function titleOf({ case: name, engine, dtype, reference }: ResultLine): string {
  return `${name}  ${engine}  ${dtype}  transformers ${reference.version}`;
}

/**
 * Appends shares as one night to the history of a folder; returns the night's name. @throws UsageError as `joinShards`
 * and `lockFolder` do
 */
export function mergeShards(folder: string, files: readonly string[], name: string | undefined): string {
  if (name !== undefined) checkName(name, "--night");
  const shards = files.map(readShard);
  const joined = joinShards(shards);
  using _lock = lockFolder(folder);
  using history = openHistory(folder);
  const taken = new Set([...history.nights().map(({ night }) => night), ...openNights(folder)]);
  if (name !== undefined && taken.has(name))
    throw new UsageError(`${folder} has a night ${name} already: expected another --night`);
  const night = name ?? nameNight(new Date(joined.night.started), taken);
  const own = new Set(shards.map((shard) => shard.night.night));
  const results = joined.results.map((result) => ({
    ...result,
    night,
    measured: own.has(result.measured) ? night : result.measured,
  }));
  const store = openStore(folder);
  const verdicts = new Map(shards.flatMap((shard) => Object.entries(shard.verdicts)));
  for (const record of results) store.put({ record, verdict: verdicts.get(record.key) ?? null });
  appendNight(journalPath(folder), { night: { ...joined.night, night }, results });
  return night;
}
