import type { TapBatch, TapStream } from "../engine/process.ts";
import { EngineFailure } from "../trace/errors.ts";
import type { Site } from "../trace/site.ts";
import { tapKey } from "../trace/site.ts";
import type { TensorKind } from "../verdict/site.ts";
import type { RawTensor } from "../trace/tensor.ts";

/**
 * The run that a tensor comes from: the engine under test; the reference and its float64 oracle on the case's inputs;
 * and both again with every module working on what the engine recorded before it.
 */
export type Side = "engine" | "reference" | "oracle" | "localReference" | "localOracle";

/** One site in one phase with what each side has sent of it. */
export interface Group {
  readonly site: Site;
  readonly phase: string;
  /** Position among the taps of the side that sets the order: the reference where there is one. */
  order: number;
  readonly sides: Partial<Record<Side, RawTensor>>;
  /** How far healthy ways of making the tensor lie apart, by the float64 run that knows it. */
  readonly noise?: Partial<Record<Side, RawTensor>>;
}

/** A site that only some sides had sent when all streams ended. */
export interface Incomplete extends Omit<Group, "sides" | "noise"> {
  readonly sides: readonly Side[];
  /** The reference's tensor; null where the reference did not send one. */
  readonly expected: TensorKind | null;
}

/** Layers that one side may be ahead of another. A replaying side needs to see a little ahead of where it is. */
const lead = 8;

/**
 * Layers after which the tensors of a group are let go: when every side that the group lacks has sent sites which its
 * first side sent so many layers later. Memory stays O(one layer).
 */
const layersKept = 12;

/**
 * The progress of a side, in layers that it has come to: engines cut their phases into batches as they like, one a
 * module, one a layer or one for all, and what counts is where they are.
 */
interface Progress {
  phase: string;
  phases: number;
  layer: string;
  layers: number;
}

/**
 * Layers by which `a` is ahead of `b`; of a side that is still in the phase before, what is left of that phase is not
 * counted.
 */
function aheadOf(a: Progress, b: Progress): number {
  if (a.phases === b.phases) return a.layers - b.layers;
  return a.phases === b.phases + 1 ? a.layers : (a.phases - b.phases) * Number.POSITIVE_INFINITY;
}

/** `model.layers.5` of a site in it; "" outside of layers, and of caches, which some engines send at the end. */
function layerOf(site: Site): string {
  return site.startsWith("cache.") ? "" : (/^.*?\.\d+(?=[.:#@])/.exec(site)?.[0] ?? "");
}

/** Moves `own` on to where `batch` ends. */
function advance(own: Progress, { phase, taps }: TapBatch): void {
  if (phase !== own.phase) Object.assign(own, { phase, phases: own.phases + 1, layer: "", layers: 0 });
  for (const { site } of taps) {
    const layer = layerOf(site);
    if (layer !== own.layer) Object.assign(own, { layer, layers: own.layers + 1 });
  }
}

/**
 * Merges the taps of several runs by site and phase: reads all streams at once, holds back those that run ahead, and
 * calls `complete` as soon as every side has sent a site. `complete` may answer "stop": then all streams are cancelled.
 * @throws what a stream throws first, after `failed` was told which; the other streams are cancelled.
 */
export async function mergeTaps(
  streams: Readonly<Partial<Record<Side, TapStream>>>,
  complete: (group: Group) => "go on" | "stop",
  failed: (side: Side) => void = () => {},
): Promise<Incomplete[]> {
  const sides = Object.entries(streams) as [Side, TapStream][];
  const collector = collectGroups(sides.length, streams.reference ? "reference" : "engine", complete);
  const progress = new Map<Side, Progress>(
    sides.map(([side]) => [side, { phase: "", phases: 0, layer: "", layers: 0 }]),
  );
  let waiting: (() => void)[] = [];
  let stopped = false;

  const tooFar = (own: Progress): boolean => [...progress.values()].some((other) => aheadOf(own, other) > lead);
  const wake = (): void => {
    const all = waiting;
    waiting = [];
    for (const resume of all) resume();
  };
  const pump = async (side: Side, stream: TapStream): Promise<void> => {
    const own = progress.get(side)!;
    try {
      for await (const batch of stream) {
        if (stopped) return;
        advance(own, batch);
        if (collector.take(side, batch, own) === "stop") stopped = true;
        collector.forget(progress.keys());
        wake();
        while (!stopped && tooFar(own)) await new Promise<void>((resume) => waiting.push(resume));
      }
    } catch (error) {
      if (!stopped) failed(side);
      stopped = true;
      throw error;
    } finally {
      progress.delete(side);
      wake();
    }
  };
  const results = await Promise.allSettled(sides.map(([side, stream]) => pump(side, stream)));
  const failure = results.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
  return collector.leftovers();
}

function kindOf(tensor: RawTensor | undefined): TensorKind | null {
  return tensor ? { shape: [...tensor.shape], dtype: tensor.dtype } : null;
}

interface Waiting {
  readonly group: Group;
  /** The side that sent it first, and how far that was. */
  readonly first: Side;
  readonly since: Progress;
}

function collectGroups(sideCount: number, leader: Side, complete: (group: Group) => "go on" | "stop") {
  const waiting = new Map<string, Waiting>();
  const dropped = new Map<string, Incomplete & { sides: Side[]; expected: TensorKind | null }>();
  let order = 0;

  const drop = (key: string, { group }: Waiting): void => {
    waiting.delete(key);
    const { site, phase, sides } = group;
    const expected = kindOf(sides.reference);
    dropped.set(key, { site, phase, order: group.order, expected, sides: Object.keys(sides) as Side[] });
  };
  /** The furthest place of one side, in its own layers, from which another has sent a site, too. */
  const reached = new Map<string, Progress>();
  /** Lets go of groups that all `running` sides have passed which lack them. */
  const forget = (running: Iterable<Side>): void => {
    const sides = [...running];
    const passed = ({ group, first, since }: Waiting): boolean =>
      sides.every((side) => {
        const place = reached.get(`${side} ${first}`);
        return group.sides[side] !== undefined || (place !== undefined && aheadOf(place, since) > layersKept);
      });
    for (const [key, entry] of waiting) if (passed(entry)) drop(key, entry);
  };
  const take = (side: Side, batch: TapBatch, since: Progress): "go on" | "stop" => {
    let answer: "go on" | "stop" = "go on";
    for (const { site, tensor, noise } of batch.taps) {
      const key = tapKey(batch.phase, site);
      const late = dropped.get(key);
      if (late) {
        late.sides.push(side);
        if (side === "reference") late.expected = kindOf(tensor);
        if (side === leader) late.order = order++;
        continue;
      }
      const entry = waiting.get(key) ?? {
        group: { site, phase: batch.phase, order: -1, sides: {}, noise: {} },
        first: side,
        since: { ...since },
      };
      const place = reached.get(`${side} ${entry.first}`);
      if (!place || aheadOf(entry.since, place) > 0) reached.set(`${side} ${entry.first}`, entry.since);
      if (entry.group.sides[side]) throw new EngineFailure(`${side}: sent ${site} twice in ${batch.phase}`);
      entry.group.sides[side] = tensor;
      if (noise) entry.group.noise![side] = noise;
      if (side === leader) entry.group.order = order++;
      if (Object.keys(entry.group.sides).length < sideCount) waiting.set(key, entry);
      else {
        waiting.delete(key);
        if (complete(entry.group) === "stop") answer = "stop";
      }
    }
    return answer;
  };
  const leftovers = (): Incomplete[] => {
    for (const [key, entry] of waiting) drop(key, entry);
    return [...dropped.values()];
  };
  return { take, forget, leftovers };
}
