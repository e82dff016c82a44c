/**
 * The parity table: which architecture is the model, in which dtype, to within how much of the reference's own noise.
 * Committed as reports/parity.md.
 */
import { format } from "../verdict/words/ratio.ts";
import type { Verdict } from "../verdict/schema.ts";
import { code, text } from "./markdown-escape.ts";

/** Verdicts of one architecture in one dtype. */
interface Cell {
  readonly verdicts: readonly Verdict[];
}

/**
 * Rows in the order of names, columns in the order of `dtypes`; shapes-only verdicts and those that are expected to
 * fail are left out.
 */
export function renderParity(verdicts: readonly Verdict[], command: string): string {
  const judged = verdicts.filter(({ mode, expectation }) => mode !== "shapes" && expectation === "pass");
  const dtypes = [...new Set(judged.map(({ dtype }) => dtype))];
  const architectures = [...new Set(judged.map(architectureOf))].toSorted();
  const rows = architectures.map((architecture) => {
    const own = judged.filter((verdict) => architectureOf(verdict) === architecture);
    const cells = dtypes.map((dtype) => cellText({ verdicts: own.filter((verdict) => verdict.dtype === dtype) }));
    return `| ${[code(architecture), ...cells, powerText(own)].join(" | ")} |`;
  });
  const heads = ["architecture", ...dtypes.map((dtype) => text(dtype)), "power"];
  const lines = heads.map((_, column) => (column === 0 ? "---" : "--:"));
  return [
    "# Parity",
    "",
    summary(judged),
    "",
    `| ${heads.join(" | ")} |`,
    `| ${lines.join(" | ")} |`,
    ...rows,
    "",
    "Each cell: sites that are the reference's to within its own rounding noise, of all sites compared, over all cases of the architecture; and the largest distance of one, in units of that noise (4 is the limit). Power: likely porting faults that these cases would find.",
    "",
    `Made by ${code(command)}.`,
    "",
  ].join("\n");
}

/** `llama` of `llama/chunked`; a checkpoint's own name. */
function architectureOf({ case: name }: Verdict): string {
  const [folder = name, rest = ""] = name.split("/");
  return folder === "checkpoint" ? rest : folder;
}

function summary(judged: readonly Verdict[]): string {
  const engines = [...new Set(judged.map(({ engine }) => `${engine.name} ${engine.version}`))].join(", ");
  const references = [...new Set(judged.map(({ reference }) => `${reference.name} ${reference.version}`))].join(", ");
  const green = judged.filter(({ status }) => status === "pass").length;
  const sites = judged.reduce((total, { coverage }) => total + coverage.compared, 0).toLocaleString("en-US");
  return `${text(engines)} against ${text(references)}: ${green} of ${judged.length} runs green, ${sites} sites compared.`;
}

function cellText({ verdicts }: Cell): string {
  if (verdicts.length === 0) return "not run";
  const [compared, total] = [sum(verdicts, "compared"), sum(verdicts, "total")];
  const worst = Math.max(...verdicts.map((one) => one.worst?.ratio ?? 0));
  const bad = verdicts.filter(({ status }) => status !== "pass");
  const mark = bad.length === 0 ? "✅" : `❌ ${bad.length} of ${verdicts.length} cases`;
  return `${mark} ${compared}/${total}, ${format(worst)}x`;
}

function sum(verdicts: readonly Verdict[], what: "compared" | "total"): number {
  return verdicts.reduce((count, { coverage }) => count + coverage[what], 0);
}

function powerText(verdicts: readonly Verdict[]): string {
  const [first] = verdicts;
  const measured = verdicts.filter(({ dtype, power }) => power && dtype === first?.dtype).map(({ power }) => power!);
  if (measured.length === 0) return "";
  const [seen, total] = [measured.reduce((n, one) => n + one.seen, 0), measured.reduce((n, one) => n + one.total, 0)];
  return `${Math.floor((100 * seen) / total)} %`;
}
