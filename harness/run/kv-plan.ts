import { ofReference } from "./blame.ts";
import type { Params } from "../engine/protocol.ts";
import type { KvPlan } from "../engine/specs.ts";
import { EngineFailure } from "../trace/errors.ts";
import type { Case } from "../case/case.ts";
import type { EnginePool } from "../engine/pool.ts";

/** Asks an engine what a KV cache of `budget` bytes holds for a case's model, and writes the plan as lines. */
export async function planKvCache(
  pool: EnginePool,
  testCase: Case,
  { engine: engineName, budget, dtype }: { engine: string; budget: number; dtype: Params<"load">["dtype"] },
): Promise<string> {
  const reference = await pool.reference();
  const { checkpoint } = await ofReference(pool.load(reference, { config: testCase.config, seed: 0, dtype }));
  const engine = await pool.get(engineName);
  const { kv_plan: plan } = await pool.load(engine, { checkpoint, dtype, kv_budget_bytes: budget });
  if (!plan) throw new EngineFailure(`engine ${engine.hello.name} makes no KV-cache plan`);
  return renderPlan(plan);
}

/** A plan as aligned lines. */
export function renderPlan({ budget_bytes: budget, max_length: longest, tokens, kinds }: KvPlan): string {
  const all = tokens >= longest ? "the longest sequence fits" : `of at most ${longest}`;
  const lines = [`   KV cache of ${bytes(budget)}: ${tokens} tokens of one sequence, ${all}`];
  for (const { kind, layers, bytes_per_token: each, tokens_kept: kept, bytes: total } of kinds)
    lines.push(
      `     ${kind.padEnd(24)} ${String(layers).padStart(3)} layers   ${bytes(each).padStart(10)} a token and layer   ${String(kept).padStart(7)} tokens kept   ${bytes(total).padStart(10)}`,
    );
  return lines.join("\n");
}

function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = count === 0 ? 0 : Math.min(Math.floor(Math.log2(count) / 10), units.length - 1);
  const value = count / 2 ** (10 * power);
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[power]}`;
}
