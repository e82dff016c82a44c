import { UsageError } from "./errors.ts";

/**
 * A place in a model whose tensor is compared: `model.layers.5.self_attn.o_proj:in`, `...self_attn#q_rope`,
 * `cache.5.key`.
 */
export type Site = string;

/** A site taken apart. */
export interface SiteParts {
  /** Hugging Face module path, or `cache.N` / `inputs` / empty for `logits`. */
  readonly module: string;
  /** `in`, `out`, `out.1`, ... for module sites, else null. */
  readonly port: string | null;
  /** `q_rope`, `scores`, ... for functional sites, else null. */
  readonly functional: string | null;
  /**
   * The call of the module in this phase: "" for the only or first one, else what follows `@` (`1`, `2`, a layer type).
   */
  readonly call: string;
}

/** Takes a site name apart. */
export function parseSite(site: Site): SiteParts {
  const at = site.lastIndexOf("@");
  const call = at < 0 ? "" : site.slice(at + 1);
  const name = at < 0 ? site : site.slice(0, at);
  const hash = name.indexOf("#");
  if (hash >= 0) return { module: name.slice(0, hash), port: null, functional: name.slice(hash + 1), call };
  const colon = name.indexOf(":");
  if (colon >= 0) return { module: name.slice(0, colon), port: name.slice(colon + 1), functional: null, call };
  return { module: name, port: null, functional: null, call };
}

/** The index of the repeated layer that a module path lies in, or null: 5 for `model.layers.5.mlp`. */
export function layerOf(modulePath: string): number | null {
  const match = /(?:^|\.)(\d+)(?:\.|$)/.exec(modulePath);
  return match ? Number(match[1]) : null;
}

/**
 * A module path or site with its layer indices replaced by `*`: `model.layers.*.mlp`. The number of a further output
 * (`:out.1`) stays.
 */
export function withoutLayer(path: string): string {
  const end = path.search(/[:#]/);
  const module = end < 0 ? path : path.slice(0, end);
  return module.replaceAll(/(^|\.)\d+(?=\.|$)/g, "$1*") + path.slice(module.length);
}

/** The key of one tensor in a trace: a site in one phase. */
export function tapKey(phase: string, site: Site): string {
  return `${phase}|${site}`;
}

/** A test of whether a site matches one of `patterns` (`*` any characters); true for all sites without patterns. */
export function siteFilter(patterns: readonly string[] | undefined): (site: Site) => boolean {
  if (patterns === undefined) return () => true;
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.replaceAll(/[\\^$.+?()[\]{}|]/g, "\\$&").replaceAll("*", ".*")}$`),
  );
  return (site) => expressions.some((expression) => expression.test(site));
}

/**
 * Refuses patterns of which one matches none of the sites that there are: nobody means to compare nothing. Nothing where
 * there are no patterns.
 * @throws UsageError that names them
 */
export function refuseEmptySelection(patterns: readonly string[] | undefined, sites: readonly Site[]): void {
  if (patterns === undefined) return;
  if (patterns.length === 0) throw new UsageError("sites: expected at least one pattern, found none");
  const wrong = patterns.filter((pattern) => !sites.some(siteFilter([pattern])));
  if (wrong.length === 0) return;
  throw new UsageError(
    `no site matches ${wrong.map((pattern) => JSON.stringify(pattern)).join(", ")}: expected sites as verdicts name them, such as model.layers.0:out, with * for any characters`,
  );
}
