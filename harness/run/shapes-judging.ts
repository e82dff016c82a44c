import { differsInKind } from "../compare/judge.ts";
import type { Result } from "../engine/protocol.ts";
import { siteOf } from "../verdict/deciding.ts";
import type { Judgement, SiteVerdict, Why } from "../verdict/site.ts";
import type { TwoShapes } from "./shapes-culprit.ts";
import { shapeLengths } from "./shapes-culprit.ts";

type Tap = Result<"shapes">["sites"][number];
type Stop = NonNullable<Result<"shapes">["stop"]>;

/**
 * Judges the reference's sites by an engine's shapes and dtypes at both lengths. An engine that stops fails where it
 * stopped, whatever it had until then; a site that it offers at one length alone is unknown.
 */
export function judgeShapes(expected: readonly Tap[], ours: TwoShapes, theirs: TwoShapes): SiteVerdict[] {
  const found = new Map(ours.first.sites.map((tap) => [tap.site, tap]));
  const stop = ours.first.stop ?? ours.secondStop;
  const has = (site: string): boolean => found.has(site) && (ours.second.has(site) || !theirs.second.has(site));
  const stopped = stop && siteOfStop(stop, expected, has);
  return expected.map(({ site, shape, dtype }, order): SiteVerdict => {
    const judged = (run: Judgement): SiteVerdict =>
      siteOf({ site, phase: "shapes", order, expected: { shape, dtype }, run, local: null });
    const here = stop !== undefined && site === stopped;
    const tap =
      found.get(site) ?? (here && stop.found && stop.site === site ? { shape: stop.found, dtype } : undefined);
    const why = tap && differenceOf({ site, shape, dtype }, tap, ours, theirs);
    if (why) return judged({ status: "fail", why });
    if (here) return judged({ status: "fail", why: { kind: "stop", at: stop.site, message: stop.message } });
    if (has(site)) return judged({ status: "pass" });
    return judged({ status: "unknown", why: stop ? { kind: "stopped", at: stop.site } : { kind: "not offered" } });
  });
}

/** The site that a stop is told at: its own, else the first that the engine did not get to, else the last. */
function siteOfStop(stop: Stop, expected: readonly Tap[], has: (site: string) => boolean): string | undefined {
  const own = expected.find(({ site }) => site === stop.site);
  return (own ?? expected.find(({ site }) => !has(site)) ?? expected.at(-1))?.site;
}

/** The difference of a tensor at the first length, else of its shape at the second; null where there is none. */
function differenceOf(
  { site, shape, dtype }: Tap,
  found: Pick<Tap, "shape" | "dtype">,
  ours: TwoShapes,
  theirs: TwoShapes,
): Why | null {
  const first = differsInKind(found, { shape, dtype });
  if (first) return first;
  const [expectedLater, foundLater] = [theirs.second.get(site), ours.second.get(site)];
  if (!expectedLater || !foundLater || expectedLater.join() === foundLater.join()) return null;
  return { kind: "shape", expected: [...expectedLater], found: [...foundLater], length: shapeLengths.second };
}
