import { alongBatch } from "../compare/broadcast.ts";
import type { Rules, TapTriple } from "../compare/judge.ts";
import { judge } from "../compare/judge.ts";
import type { Routing } from "../compare/choice.ts";
import { judgeChoice } from "../compare/choice.ts";
import { compareLogits } from "../compare/logits.ts";
import type { MovedRows } from "../compare/moved.ts";
import { followRows } from "../compare/moved.ts";
import { hidePadding, paddingNotNumbers } from "../compare/padding.ts";
import type { Consistency, LogitsAgreement } from "../verdict/audit.ts";
import { distanceOf, siteOf, tieOf } from "../verdict/deciding.ts";
import type { Judgement, SiteVerdict } from "../verdict/site.ts";
import { tapKey } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { toNumbers } from "../trace/tensor.ts";
import type { Case } from "../case/case.ts";
import type { InputsFile } from "../case/inputs-file.ts";
import type { Group } from "./pairing.ts";
import type { Ready } from "./routers.ts";
import { collectRouters } from "./routers.ts";
import { hasWholePhase, trackConsistency } from "./self-consistency.ts";
import type { Findings } from "./verdict-builder.ts";

/** Judges groups as they are completed. */
export function judgeGroups(options: {
  readonly testCase: Case;
  readonly inputs: InputsFile;
  readonly limit: number;
  /** True to stop at the first site that fails locally. */
  readonly bail: boolean;
  /** Called with the number of sites judged so far. */
  readonly progress: ((sites: number) => void) | undefined;
}) {
  const { testCase, inputs, limit, bail, progress } = options;
  const sites: SiteVerdict[] = [];
  const logits: LogitsAgreement[] = [];
  let padding: Findings["padding"];
  const phases = new Map(testCase.phases.map((phase) => [phase.name, phase]));
  const trackers = (["engine", "reference", "oracle"] as const).map((side) => ({
    side,
    tracker: trackConsistency(side, testCase.phases, inputs.tokensOf),
  }));
  const tokensOf = (phase: string): Pick<Rules, "tokens"> => {
    const spec = phases.get(phase);
    return spec && inputs.padded ? { tokens: inputs.tokensOf(spec) } : {};
  };
  const rulesOf = (phase: string): Rules => ({ limit, ...tokensOf(phase) });
  const moving = { run: followRows(), local: followRows() };
  /** The rules at one site, whose rows may have been moved: the reference's own index tells where to. */
  const rulesAt = (rows: MovedRows, { site, phase, sides }: Group): Rules => {
    const rules = rulesOf(phase);
    const { tokens } = rules;
    const tensor = rows === moving.local ? sides.localReference : sides.reference;
    if (!tokens || !tensor) return rules;
    rows.see({ site, phase, tensor, tokens: tokens.batch * (tokens.end - tokens.start) });
    const moved = rows.of(site, phase, tensor.shape);
    return moved ? { ...rules, tokens: { ...tokens, moved } } : rules;
  };
  const accumulated = judgeWithMemory();
  const local = judgeWithMemory();

  const routers = collectRouters();

  const broadcasts = new Map<string, number[]>();
  const complete = (match: Group): "go on" | "stop" =>
    routers.take(withBatch(match)).map(judgeReady).includes("stop") ? "stop" : "go on";
  /** A group whose engine's tensor has the reference's shape where that is the same by broadcasting. */
  const withBatch = (group: Group): Group => {
    const { engine, reference } = group.sides as Required<Group["sides"]>;
    const same = alongBatch(engine, reference);
    if (!same) return group;
    broadcasts.set(tapKey(group.phase, group.site), [...engine.shape]);
    return { ...group, sides: { ...group.sides, engine: same } };
  };
  const judgeReady = ({ group, routing }: Ready): "go on" | "stop" => {
    const { site, phase, order, sides } = group;
    const { engine, reference } = sides as Required<typeof sides>;
    const [rules, own] = [moving.run, moving.local].map((rows) => rulesAt(rows, group)) as [Rules, Rules];
    const routed = (view: (one: Group) => TapTriple) =>
      routing && { logits: view(routing.logits), choice: view(routing.choice) };
    const whole = accumulated(inTheRun(group), rules, routed(inTheRun));
    const alone = local(onItsOwn(group), { ...own, structure: true }, routed(onItsOwn));
    const expected = { shape: [...reference.shape], dtype: reference.dtype };
    const broadcast = broadcasts.get(tapKey(phase, site));
    const verdict = siteOf({
      ...{ site, phase, order, expected, run: whole, local: alone },
      ...(broadcast && { broadcast }),
    });
    sites.push(verdict);
    padding ??= paddingOf(group, rules);
    const { noise = 0 } = distanceOf(whole) ?? {};
    for (const { side, tracker } of trackers) tracker.add({ site, phase, tensor: sides[side]!, noise });
    if (site === "logits" && engine.shape.join() === reference.shape.join()) {
      const values = [engine, reference].map((tensor) => visible(tensor, site, rules));
      logits.push(compareLogits(phase, values[0]!, values[1]!, reference.shape.at(-1)!));
    }
    if (sites.length % 64 === 0) progress?.(sites.length);
    return bail && verdict.status === "fail" ? "stop" : "go on";
  };

  const findings = () => {
    routers.rest().forEach(judgeReady);
    const consistency = hasWholePhase(testCase.phases) ? trackers.map(({ tracker }) => tracker.result(limit)) : [];
    return {
      logits,
      ...(padding && { padding }),
      consistency: sites.some((site) => tieOf(site) !== null) ? consistency.map(withoutBlame) : consistency,
    };
  };
  return { sites, complete, findings, rules: rulesOf };
}

/** The padding of a site that is not a number in the engine alone; undefined where there is none. */
function paddingOf({ site, phase, sides }: Group, { tokens }: Rules): Findings["padding"] {
  const { engine, reference } = sides as Required<typeof sides>;
  if (!tokens || engine.shape.join() !== reference.shape.join()) return undefined;
  const values = { engine: toNumbers(engine), reference: toNumbers(reference) };
  const count = paddingNotNumbers(site, engine.shape, tokens, values);
  return count === 0 ? undefined : { site, phase, count };
}

/** A group as the run as a whole has it. */
function inTheRun({ site, sides, noise }: Group): TapTriple {
  const { engine, reference, oracle } = sides as Required<typeof sides>;
  return { site, engine, reference, oracle, ...(noise?.oracle && { noise: noise.oracle }) };
}

/** A group with the reference on the engine's data. */
function onItsOwn({ site, sides, noise }: Group): TapTriple {
  const { engine, localReference: reference, localOracle: oracle } = sides as Required<typeof sides>;
  return { site, engine, reference, oracle, ...(noise?.localOracle && { noise: noise.localOracle }) };
}

/**
 * Takes the blame from a check in which ties fell: behind a tie the numbers depend on the expert that it fell to, so
 * chunks and a full forward may differ, and nobody is wrong.
 */
function withoutBlame(check: Consistency): Consistency {
  return check.status === "fail" ? { ...check, status: "unknown" } : check;
}

/**
 * A judge that remembers each site's noise: one token's noise alone is a sample of one. A router's choice and weights
 * are judged with its logits.
 */
function judgeWithMemory(): (triple: TapTriple, rules: Rules, routing?: Routing) => Judgement {
  const relativeNoise = new Map<string, number>();
  return (triple, rules, routing) => {
    const choice = routing ? judgeChoice(routing, rules) : null;
    if (choice && routing?.choice.site === triple.site) return choice.judgement;
    const judged = choice?.align(triple) ?? triple;
    const judgement = judge(judged, { ...rules, relativeNoise: relativeNoise.get(triple.site) ?? 0 });
    const { noise = 0, rms = 0 } = distanceOf(judgement) ?? {};
    if (rms > 0) relativeNoise.set(triple.site, noise / rms);
    return judgement;
  };
}

function visible(tensor: RawTensor, site: string, { tokens }: Rules) {
  const values = toNumbers(tensor).slice();
  if (tokens) hidePadding(site, tensor.shape, tokens, values);
  return values;
}
