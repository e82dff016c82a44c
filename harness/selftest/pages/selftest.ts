import { largestRatio } from "../../verdict/numbers.ts";
import type { Verdict } from "../../verdict/schema.ts";
import { distanceOf } from "../../verdict/deciding.ts";
import { noiseText } from "../../verdict/words/ratio.ts";
import { claimText } from "../../verdict/words/sizes.ts";
import type { SizeCause } from "../../verdict/culprit.ts";
import { changeText } from "../../verdict/words/change.ts";

/** The rating of where a verdict found a planted fault. */
export type Found = "exact" | "parent" | "wrong" | "undetected";

/** The rating of its explanation. */
export type Explained = "right" | "listed" | "wrong" | "unexplained";

/** A planted fault and the verdict about it. */
export interface SelftestRow {
  readonly id: string;
  readonly title: string;
  readonly category: string;
  readonly case: string;
  readonly at: string;
  readonly located: Found;
  readonly explained: Explained;
  readonly verdict: Verdict;
}

/** Totals of a selftest. */
export function countFound(
  rows: readonly Pick<SelftestRow, "located" | "explained">[],
): Record<Found | "total" | "detected", number> & { explained: Record<Explained, number> } {
  const count = (wanted: Found): number => rows.filter(({ located }) => located === wanted).length;
  const undetected = count("undetected");
  return {
    total: rows.length,
    detected: rows.length - undetected,
    exact: count("exact"),
    parent: count("parent"),
    wrong: count("wrong"),
    undetected,
    explained: {
      right: rows.filter(({ explained }) => explained === "right").length,
      listed: rows.filter(({ explained }) => explained === "listed").length,
      wrong: rows.filter(({ explained }) => explained === "wrong").length,
      unexplained: rows.filter(({ explained }) => explained === "unexplained").length,
    },
  };
}

/** The selftest as a Markdown page: totals, survivors and near misses first, then every fault. */
export function renderSelftest(rows: readonly SelftestRow[], dtype: string): string {
  const { total, detected, exact, parent, wrong, explained } = countFound(rows);
  const share = (part: number): string => `${((100 * part) / Math.max(total, 1)).toFixed(1)} %`;
  const [first] = rows;
  const versions = first
    ? `${first.verdict.engine.name} ${first.verdict.engine.version} against ${first.verdict.reference.name} ${first.verdict.reference.version}`
    : "";
  const lines = [
    "# Selftest",
    "",
    `Written by \`lockstep selftest --write\`: known porting bugs planted in ${versions}, ${dtype}.`,
    "",
    `**${detected} of ${total} detected (${share(detected)}), ${exact} at the exact site (${share(exact)})**, ${parent} at its module, ${wrong} elsewhere.`,
    "",
    `**Explained: ${explained.right} right, ${explained.listed} with the right cause among others (together ${share(explained.right + explained.listed)})**, ${explained.wrong} wrong (${share(explained.wrong)}), ${explained.unexplained} unexplained. What counts as right is written down in \`causes\` beside the faults.`,
    "",
  ];
  const near = rows.filter(({ located }) => located !== "exact");
  if (near.length > 0)
    lines.push(
      "Not exact:",
      "",
      ...near.map(
        ({ id, located, at, verdict }) =>
          `- \`${id}\`: ${located}${verdict.culprit ? `, at \`${verdict.culprit.site}\` in ${verdict.culprit.phase}` : ""}; expected \`${at}\``,
      ),
      "",
    );
  const poorly = rows.filter(({ explained: how }) => how === "wrong" || how === "unexplained");
  if (poorly.length > 0)
    lines.push(
      "Not explained, or wrongly:",
      "",
      ...poorly.map(
        ({ id, explained: how, title, verdict }) =>
          `- \`${id}\` (${title}): ${how}${how === "wrong" ? `, as "${causeText(verdict)}"` : ""}`,
      ),
      "",
    );
  lines.push(
    "| category | fault | what is wrong | culprit | first phase | ratio there | explained as |",
    "|---|---|---|---|---|--:|---|",
  );
  for (const { category, id, title, verdict, located, explained: how } of rows) {
    const { culprit } = verdict;
    const site = culprit && verdict.sites.find((one) => one.site === culprit.site && one.phase === culprit.phase);
    const distance = site ? (distanceOf(site.local) ?? distanceOf(site.run)) : null;
    const ratio = distance ? noiseText(largestRatio(distance)) : "";
    lines.push(
      `| ${category} | ${id} | ${title} | ${culprit ? `\`${culprit.site}\`` : located} | ${culprit?.phase ?? ""} | ${ratio} | ${how}: ${causeText(verdict)} |`,
    );
  }
  return `${lines.join("\n")}\n`;
}

/** The first explanation, or what a pattern says. */
function causeText({ culprit }: Verdict): string {
  const [first] = culprit?.explanation?.candidates ?? [];
  const sentence = first ? changeText(first) : heldClaim(culprit?.shapes?.causes ?? []);
  return sentence.replaceAll("|", "\\|");
}

function heldClaim(causes: readonly SizeCause[]): string {
  const held = causes.find(({ holds }) => holds);
  return held ? claimText(held) : "";
}
