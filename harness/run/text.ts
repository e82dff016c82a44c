import type { TextFindings } from "../verdict/audit.ts";
import type { Verdict } from "../verdict/schema.ts";
import type { Params } from "../engine/protocol.ts";
import { checkpointCase } from "../case/checkpoint.ts";
import type { EnginePool } from "../engine/pool.ts";
import type { RunOptions } from "./live.ts";
import { runCase } from "./live.ts";

/** A text for a checkpoint, and how far it is continued. */
export interface TextRequest {
  readonly text: string;
  /** True to put the text into the checkpoint's chat template, as the user's message. */
  readonly chat: boolean;
  /** Most tokens to continue by; 0 for no continuation. */
  readonly newTokens: number;
  /** Number of the text's last tokens that are run one by one. */
  readonly decodeSteps: number;
}

/**
 * Compares a checkpoint on a text, in three stages: the tokenizers, then the forward on the reference's tokens, site by
 * site, then the likeliest continuation, which says where the two part but judges nothing: a near-tie may fall either
 * way.
 * @throws UsageError for a text of too few tokens; what the reference's tokenizer refuses.
 */
export async function runText(
  pool: EnginePool,
  directory: string,
  request: TextRequest,
  options: RunOptions & { readonly engine: string },
): Promise<Verdict> {
  const { text, chat, newTokens, decodeSteps } = request;
  const asked: Params<"tokenize"> = { checkpoint: directory, text, chat };
  const reference = await pool.reference();
  const expected = await reference.request("tokenize", asked);
  const testCase = checkpointCase(directory, expected.ids, decodeSteps);
  const engine = await pool.get(options.engine);
  const able = engine.hello.capabilities.text;
  const own = able ? await engine.request("tokenize", asked) : null;
  const difference = own && firstDifference(expected, own);
  const verdict = await runCase(pool, testCase, options);
  const findings: TextFindings = {
    ...{ text, chat, tokens: expected.ids.length },
    status: own === null ? "unknown" : difference === null ? "pass" : "fail",
    difference,
    continuation: null,
  };
  if (able && newTokens > 0 && verdict.status !== "error") {
    const ask = { ids: expected.ids, max_new_tokens: newTokens };
    const [theirs, ours] = [await reference.request("generate", ask), await engine.request("generate", ask)];
    const parting = theirs.ids.findIndex((id, place) => id !== ours.ids[place]);
    const agree = parting < 0 ? theirs.ids.length : parting;
    findings.continuation = { expected: theirs.text, found: ours.text, tokens: theirs.ids.length, agree };
  }
  if (findings.status !== "fail" || verdict.status === "error") return { ...verdict, text: findings };
  return { ...verdict, status: "fail", met: false, text: findings };
}

interface Tokens {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

/** The first place where two lists of tokens differ, and what each has there; null when they are the same. */
export function firstDifference(expected: Tokens, found: Tokens): TextFindings["difference"] {
  const length = Math.max(expected.ids.length, found.ids.length);
  const position = Array.from({ length }, (_, i) => i).find((i) => expected.ids[i] !== found.ids[i]);
  if (position === undefined) return null;
  const spell = ({ ids, tokens }: Tokens): string | null =>
    ids[position] === undefined ? null : `${JSON.stringify(tokens[position])} (${ids[position]})`;
  return { position, expected: spell(expected), found: spell(found) };
}
