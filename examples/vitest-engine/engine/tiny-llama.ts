/**
 * A Llama of one layer in plain TypeScript: the engine that this repository tests. `TINY_LLAMA_BUG=rope` plants a
 * porting bug.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineObject, Tap } from "lockstep";
import {
  boolTensor,
  float32Tensor,
  int64Tensor,
  openCheckpoint,
  readSafetensors,
  readTensor,
  toNumbers,
} from "lockstep";

type Config = Readonly<
  Record<"num_attention_heads" | "num_key_value_heads" | "head_dim" | "rms_norm_eps", number> & {
    rope_parameters: { rope_theta: number };
  }
>;
type Weights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: ArrayLike<number> }>;

/** The engine as lockstep takes it: `load` a checkpoint, `run` phases, hand over what each site had. */
export function tinyLlama(bug = process.env["TINY_LLAMA_BUG"]): EngineObject {
  let config: Config;
  let weights: Weights;
  return {
    name: "tiny-llama",
    version: "1.0.0",
    capabilities: { cache: false }, // every phase starts at token 0
    load({ checkpoint }) {
      config = JSON.parse(readFileSync(join(checkpoint!, "config.json"), "utf8")) as Config;
      const { entries } = openCheckpoint(checkpoint!);
      weights = new Map(
        [...entries.values()].map((entry) => [
          entry.name,
          { shape: entry.shape, values: toNumbers(readTensor(entry)) },
        ]),
      );
    },
    async run({ inputs, phases }, emit) {
      const ids = [...toNumbers(readSafetensors(inputs).get("input_ids")!)];
      for (const { name, start, end } of phases)
        await emit(name, forward({ config, weights, ids: ids.slice(start, end), bug }));
    },
  };
}

/** All taps of one forward over S tokens; activations are [1, S, ...]. */
function forward(model: { config: Config; weights: Weights; ids: readonly number[]; bug: string | undefined }): Tap[] {
  const { weights, ids, bug } = model;
  const { num_attention_heads: H, num_key_value_heads: K, head_dim: D, rms_norm_eps, rope_parameters } = model.config;
  const S = ids.length;
  const taps: Tap[] = [];
  const tap = (site: string, values: Float32Array, ...shape: number[]): Float32Array => {
    taps.push({ site, tensor: float32Tensor(values, [1, ...shape]) });
    return values;
  };
  const make = (length: number, value: (at: number) => number): Float32Array =>
    Float32Array.from({ length }, (_, at) => value(at));
  const sum = (count: number, term: (at: number) => number): number => {
    let total = 0;
    for (let at = 0; at < count; at++) total += term(at);
    return total;
  };
  const rows = (site: string, x: Float32Array): Float32Array => tap(site, x, S, x.length / S);
  const linear = (module: string, x: Float32Array): Float32Array => {
    const { shape, values: w } = weights.get(`${module}.weight`)!;
    const [N, M] = shape as [number, number]; // out, in
    rows(`${module}:in`, x);
    const product = (at: number): number => {
      const [row, column] = [Math.floor(at / N) * M, (at % N) * M];
      return sum(M, (i) => x[row + i]! * w[column + i]!);
    };
    return rows(`${module}:out`, make(S * N, product));
  };
  const norm = (module: string, x: Float32Array): Float32Array => {
    const { values: w } = weights.get(`${module}.weight`)!;
    rows(`${module}:in`, x);
    const scale = make(
      S,
      (s) => 1 / Math.sqrt(sum(w.length, (i) => x[s * w.length + i]! ** 2) / w.length + rms_norm_eps),
    );
    return rows(
      `${module}:out`,
      make(x.length, (at) => w[at % w.length]! * (x[at]! * scale[Math.floor(at / w.length)]!)),
    );
  };
  /** [S, heads * D] to [heads, S, D]. */
  const split = (x: Float32Array): Float32Array => {
    const heads = x.length / S / D;
    return make(x.length, (at) => {
      const [head, s, d] = [Math.floor(at / (S * D)), Math.floor(at / D) % S, at % D];
      return x[(s * heads + head) * D + d]!;
    });
  };

  for (const site of ["model:in", "model.embed_tokens:in"]) taps.push({ site, tensor: int64Tensor(ids, [1, S]) });
  taps.push({ site: "inputs#position_ids", tensor: int64Tensor([...ids.keys()], [1, S]) });
  const { shape, values: table } = weights.get("model.embed_tokens.weight")!;
  const width = shape[1]!;
  let x = rows(
    "model.embed_tokens:out",
    make(S * width, (at) => table[ids[Math.floor(at / width)]! * width + (at % width)]!),
  );
  rows("model.rotary_emb:in", x);
  const angle = (at: number): number => Math.floor(at / D) / rope_parameters.rope_theta ** ((2 * (at % (D / 2))) / D);
  const cos = rows(
    "model.rotary_emb:out",
    make(S * D, (at) => Math.cos(angle(at))),
  );
  const sin = rows(
    "model.rotary_emb:out.1",
    make(S * D, (at) => Math.sin(angle(at))),
  );
  const rotate = (q: Float32Array): Float32Array =>
    make(q.length, (at) => {
      const [row, d] = [at - (at % D), at % D];
      const isFirst = bug === "rope" ? d % 2 === 0 : d < D / 2; // the bug: neighbours in place of halves
      const other = bug === "rope" ? d ^ 1 : (d + D / 2) % D;
      const turned = (isFirst ? -1 : 1) * q[row + other]!;
      return q[at]! * cos[at % (S * D)]! + turned * sin[at % (S * D)]!;
    });

  const layer = "model.layers.0";
  const at = `${layer}.self_attn`;
  const residual = rows(`${layer}:in`, x);
  x = rows(`${at}:in`, norm(`${layer}.input_layernorm`, x));
  const [query, key, value] = ["q", "k", "v"].map((name) => split(linear(`${at}.${name}_proj`, x))) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const q = tap(`${at}#q_rope`, rotate(query), H, S, D);
  const k = tap(`${at}#k_rope`, rotate(key), K, S, D);
  const v = tap(`${at}#value`, value, K, S, D);
  const mayRead = (index: number): boolean => index % S <= Math.floor(index / S) % S;
  const kvRow = (index: number): number => Math.floor(Math.floor(index / (S * S)) / (H / K)) * S + (index % S);
  const dot = (index: number): number =>
    sum(D, (d) => q[Math.floor(index / S) * D + d]! * k[kvRow(index) * D + d]!) / Math.sqrt(D);
  const scores = tap(`${at}#scores`, make(H * S * S, dot), H, S, S);
  taps.push({
    site: `${at}#mask`,
    tensor: boolTensor(
      make(S * S, (index) => Number(mayRead(index))),
      [1, 1, S, S],
    ),
  });
  const powers = make(H * S * S, (index) => (mayRead(index) ? Math.exp(scores[index]!) : 0));
  const total = make(H * S, (row) => sum(S, (t) => powers[row * S + t]!));
  const probs = tap(
    `${at}#probs`,
    make(H * S * S, (index) => powers[index]! / total[Math.floor(index / S)]!),
    H,
    S,
    S,
  );
  const read = (index: number): number => {
    const [s, head, d] = [Math.floor(index / (H * D)), Math.floor(index / D) % H, index % D];
    return sum(S, (t) => probs[(head * S + s) * S + t]! * v[(Math.floor(head / (H / K)) * S + t) * D + d]!);
  };
  const context = tap(`${at}#context`, make(S * H * D, read), S, H, D);
  const attended = rows(`${at}:out`, linear(`${at}.o_proj`, context));
  x = make(x.length, (i) => residual[i]! + attended[i]!);

  const mlp = `${layer}.mlp`;
  const hidden = rows(`${mlp}:in`, norm(`${layer}.post_attention_layernorm`, x));
  const gate = rows(`${mlp}.act_fn:in`, linear(`${mlp}.gate_proj`, hidden));
  const silu = rows(
    `${mlp}.act_fn:out`,
    make(gate.length, (i) => gate[i]! / (1 + Math.exp(-gate[i]!))),
  );
  const up = linear(`${mlp}.up_proj`, hidden);
  const down = rows(
    `${mlp}:out`,
    linear(
      `${mlp}.down_proj`,
      make(up.length, (i) => silu[i]! * up[i]!),
    ),
  );
  x = rows(
    `${layer}:out`,
    make(x.length, (i) => x[i]! + down[i]!),
  );

  x = rows("model:out", norm("model.norm", x));
  tap("cache.0.key", k, K, S, D);
  tap("cache.0.value", v, K, S, D);
  rows("logits", linear("lm_head", x));
  return taps;
}
