/** Writes a reproduction as one folder and runs its script: what it prints is what a reader will see. */
import {
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { execa } from "execa";
import type { Verdict } from "../verdict/schema.ts";
import { referenceEngine } from "../engine/registry.ts";
import { renderReproReadme } from "./readme.ts";
import type { Subject } from "./script/subject.ts";
import { attentionSiteNames } from "./script/attention.ts";
import { moduleScript, tensorsScript, wholeModelScript } from "./script/script.ts";
import { ensureEnvironment } from "../setup/python.ts";
import { UsageError } from "../trace/errors.ts";
import { openCheckpoint, readSafetensorsIndex, readTensor, writeSafetensors } from "../trace/safetensors.ts";
import { parseSite } from "../trace/site.ts";
import type { RawTensor } from "../trace/tensor.ts";
import { requirementFiles } from "../engine/pool.ts";
import type { Captured, Wanted } from "./capture.ts";
import { whyText } from "../verdict/words/why.ts";
import { hasMedia } from "../case/input-tensors.ts";
import { makeFolder } from "../trace/make-folder.ts";

/** Checkpoints below this size (bytes) are part of the folder. */
const smallCheckpoint = 50e6;

/** Milliseconds for a script: torch and transformers start in seconds, a large model takes its time. */
const scriptPatience = 600_000;

/** A written reproduction: its folder, how its script shows the difference, and what the script printed. */
export interface Written {
  readonly folder: string;
  readonly kind: "module" | "model" | "tensors";
  /**
   * Largest difference of what transformers computes from the expected and from the found tensor; null where shapes
   * differ.
   */
  readonly toExpected: number | null;
  readonly toFound: number | null;
  readonly printed: string;
}

interface Attempt {
  readonly kind: Written["kind"];
  readonly script: string;
  readonly tensors: ReadonlyMap<string, RawTensor>;
}

/**
 * Writes inputs, weights, tensors, `repro.py` and `README.md`. The simplest script is taken that computes the expected
 * tensor: the module alone on its saved input, else the whole model with what was recorded around the site in place,
 * else the two saved tensors side by side.
 * @throws UsageError when the folder exists and is not one of these.
 */
export async function writeRepro(
  target: string,
  {
    verdict,
    wanted,
    captured,
    report,
  }: { verdict: Verdict; wanted: Wanted; captured: Captured; report: (line: string) => void },
): Promise<Written> {
  const folder = resolve(target);
  if (existsSync(folder) && readdirSync(folder).length > 0 && !existsSync(join(folder, "repro.py")))
    throw new UsageError(`${target} exists and holds something else: expected a new folder, or one with a repro.py`);
  const { python } = await ensureEnvironment(requirementFiles(referenceEngine()), report);
  const temporary = `${folder}.tmp`;
  rmSync(temporary, { recursive: true, force: true }); // what a killed process left of it
  makeFolder(join(temporary, "model"));
  try {
    const weights = copyModel(captured, temporary);
    copyFileSync(captured.inputs, join(temporary, "inputs.safetensors"));
    let written: Written | undefined;
    for (const attempt of attempts(verdict, wanted, captured, weights)) {
      writeSafetensors(join(temporary, "tensors.safetensors"), attempt.tensors);
      writeFileSync(join(temporary, "repro.py"), attempt.script);
      const ran = await execa(
        python,
        ["repro.py", ...(attempt.script.includes("sys.argv") ? [captured.checkpoint] : [])],
        {
          cwd: temporary,
          reject: false,
          stdin: "ignore",
          timeout: scriptPatience,
          env: { HF_HUB_OFFLINE: "1", PYTHONDONTWRITEBYTECODE: "1" },
        },
      );
      if (ran.exitCode !== 0 && process.env["LOCKSTEP_DEBUG"]) report(ran.stderr);
      const shown = readNumbers(folder, attempt.kind, ran.exitCode === 0 ? ran.stdout : "");
      if (shown === null || !(attempt.kind === "tensors" || tells(shown))) continue;
      written = shown;
      if (attempt.kind !== "model") rmSync(join(temporary, "inputs.safetensors"), { force: true });
      if (attempt.kind === "tensors") rmSync(join(temporary, "model"), { recursive: true });
      break;
    }
    if (!written) throw new Error(`no script for ${wanted.site} runs; its last form is in ${temporary}`);
    writeFileSync(
      join(temporary, "README.md"),
      renderReproReadme({ verdict, ...wanted, ...captured, ...written, weights }),
    );
    makeFolder(dirname(folder));
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    return written;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** True when what transformers computes is the expected tensor, and clearly not the found one. */
function tells({ toExpected, toFound }: Written): boolean {
  return toExpected !== null && (toFound === null || !(toFound < 4 * toExpected)) && toFound !== 0;
}

function readNumbers(folder: string, kind: Written["kind"], printed: string): Written | null {
  const number = (name: string): number | null | undefined => {
    const text = new RegExp(`^max \\|transformers - ${name}\\| = (.*)$`, "m").exec(printed)?.[1];
    return text === undefined ? undefined : text.startsWith("torch.Size") ? null : Number(text);
  };
  const [toExpected, toFound] = [number("expected"), number("found")];
  return toExpected === undefined || toFound === undefined
    ? null
    : { folder, kind, toExpected, toFound, printed: printed.trim() };
}

/** config.json, and the weights: all of a small checkpoint, of a large one the owner's. */
function copyModel({ checkpoint, owner }: Captured, folder: string): Subject["weights"] {
  const files = readdirSync(checkpoint).filter((file) => /\.(json|safetensors)$/.test(file));
  const size = files.reduce((total, file) => total + statSync(join(checkpoint, file)).size, 0);
  const to = (file: string): string => join(folder, "model", file);
  if (size < smallCheckpoint) {
    for (const file of files) copyFileSync(join(checkpoint, file), to(file));
    return "all";
  }
  copyFileSync(join(checkpoint, "config.json"), to("config.json"));
  const entries = [...openCheckpoint(checkpoint).entries.values()].filter(({ name }) => name.startsWith(`${owner}.`));
  const own = new Map(entries.map((entry) => [entry.name.slice(owner.length + 1), readTensor(entry)] as const));
  writeSafetensors(to("module.safetensors"), own);
  return "module";
}

/** The scripts that could show the difference, simplest first. */
function* attempts(
  verdict: Verdict,
  wanted: Wanted,
  captured: Captured,
  weights: Subject["weights"],
): Generator<Attempt> {
  const { site, parts, phase, why, local } = wanted;
  const { owner, recorded, expected, found, checkpoint } = captured;
  const { architectures } = JSON.parse(readFileSync(join(checkpoint, "config.json"), "utf8")) as {
    architectures: string[];
  };
  const subject: Subject = {
    title: `${verdict.engine.name} ${verdict.engine.version} differs from transformers ${verdict.reference.version}: ${whyText(why)}, in ${phase}.`,
    architecture: architectures[0]!,
    dtype: verdict.dtype,
    ...{ site, parts, owner, weights },
  };
  const pair = [
    ["expected", expected],
    ["found", found],
  ] as const;
  const call = parts.call === "" ? "" : `@${parts.call}`;
  const input = recorded.get(`${owner}:in${call}`);
  if (local && input && parts.port?.startsWith("out")) {
    const tensors = new Map([...pair, ["input", input]] as const);
    for (const pick of parts.port === "out" ? ["", "[0]"] : [`[${parts.port.slice("out.".length)}]`])
      yield { kind: "module", script: moduleScript(subject, pick), tensors };
  }
  const isCache = parts.module.startsWith("cache.");
  if (isCache || (parts.functional === null ? site !== "" : attentionSiteNames.includes(parts.functional))) {
    const around = local && !isCache ? surroundings(captured, wanted) : nothing;
    const cached = captured.phases[0]!.cache;
    const script = wholeModelScript({
      ...subject,
      owner: isCache ? "" : owner,
      weights: weights === "module" ? "elsewhere" : weights,
      slices: captured.phases.map(({ start, end }) => [start, end]),
      cached,
      media: hasMedia(readSafetensorsIndex(captured.inputs).entries.keys()),
      placed: around.placed.map(([path]) => path),
      placedInput: around.input !== undefined,
      placedStates: around.states.map(([name]) => name),
      placedCaches: around.caches.map(([name]) => name.slice("before.".length)),
    });
    const tensors = new Map<string, RawTensor>([
      ...pair,
      ...(around.input ? ([["input", around.input]] as const) : []),
      ...around.placed.map(([path, tensor]) => [`${path}:out`, tensor] as const),
      ...functionalTaps(captured),
      ...around.caches,
    ]);
    yield { kind: "model", script, tensors };
  }
  yield { kind: "tensors", script: tensorsScript(subject), tensors: new Map([...pair, ...functionalTaps(captured)]) };
}

interface Surroundings {
  readonly input: RawTensor | undefined;
  readonly placed: readonly (readonly [path: string, tensor: RawTensor])[];
  readonly states: readonly (readonly [name: string, tensor: RawTensor])[];
  readonly caches: readonly (readonly [name: string, tensor: RawTensor])[];
}

const nothing: Surroundings = { input: undefined, placed: [], states: [], caches: [] };

/**
 * The recorded tensors that the owner's own work stands on: its input, the outputs of the modules in it, and for
 * attention its queries, keys and values.
 */
function surroundings({ owner, recorded }: Captured, { parts }: Wanted): Surroundings {
  const inside = [...recorded].flatMap(([site, tensor]) => {
    const { module, port, call } = parseSite(site);
    return port === "out" && call === "" && module !== owner ? [[module, tensor] as const] : [];
  });
  const paths = new Set(inside.map(([path]) => path));
  const isOutermost = (path: string): boolean =>
    [...path.matchAll(/\./g)].every(({ index }) => !paths.has(path.slice(0, index)));
  const before = ["q_rope", "k_rope", "value"];
  const wanted = before.indexOf(parts.functional ?? "");
  const states = (parts.functional === null ? [] : wanted < 0 ? before : []).flatMap((name) => {
    const tensor = recorded.get(`${owner}#${name}`);
    return tensor ? [[name, tensor] as const] : [];
  });
  return {
    input: recorded.get(`${owner}:in`),
    placed: inside.filter(([path]) => isOutermost(path)),
    states,
    caches: [...recorded].filter(([site]) => site.startsWith("before.")),
  };
}

function functionalTaps({ owner, recorded }: Captured): (readonly [string, RawTensor])[] {
  return [...recorded].flatMap(([site, tensor]) =>
    site.startsWith(`${owner}#`) ? [[site.slice(owner.length + 1), tensor] as const] : [],
  );
}
