import { error as officialError } from "@actions/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { plainLine } from "../trace/harmless.ts";
import { renderAnnotations } from "./annotations.ts";
import { explainedVerdict, unsolvedVerdict } from "./html/test-explanations.ts";
import { liveVerdict, unknownVerdict } from "./html/test-verdicts.ts";
import { sampleVerdicts } from "./html/test-samples.ts";
import { hostileTexts, hostileVerdict } from "./test-hostile.ts";

afterEach(() => vi.restoreAllMocks());

/** The line that GitHub's own toolkit prints. */
function official(message: string, properties: { title: string; file: string; startLine: number }): string {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  officialError(message, properties);
  const [[line]] = write.mock.calls as [[string]];
  write.mockRestore();
  return line.trimEnd();
}

/** The runner's reading of a command. */
function readCommand(line: string) {
  const [, level, list, data] = /^::(\w+) (.*?)::(.*)$/.exec(line)!;
  const decode = (raw: string): string =>
    raw
      .replaceAll("%0D", "\r")
      .replaceAll("%0A", "\n")
      .replaceAll("%3A", ":")
      .replaceAll("%2C", ",")
      .replaceAll("%25", "%");
  const properties = Object.fromEntries(
    list!.split(",").map((pair) => [pair.split("=")[0]!, decode(pair.slice(pair.indexOf("=") + 1))]),
  );
  return { level, properties, message: decode(data!) };
}

describe("renderAnnotations", () => {
  it("says nothing of a pass or an expected failure, one line of each other case", () => {
    expect(renderAnnotations([liveVerdict()])).toEqual([]);
    expect(renderAnnotations(sampleVerdicts())).toHaveLength(3);
  });

  it("says place and cause in the case's file, and counts further culprits", () => {
    const [line] = renderAnnotations([{ ...unsolvedVerdict(), case_file: "cases/a.case.ts" }]);
    expect(line).toMatchInlineSnapshot(
      `"::error file=cases/a.case.ts,line=1,title=lockstep%3A gemma4_unified/four-faults::model.language_model.layers.3.self_attn#scores in prefill: 434x noise; head 2 of 6; tokens from 8 on, of 24%0Acause: the number in \`add\` is 1e-6, the reference has 0.001 (eps), or the norm is an RMS norm with eps added outside the root, in place of an RMS norm (434x noise from the reference, 0.72x from the reference with this change)%0Areference: modeling_gemma4_unified.py:166: mean_squared = hidden_states.pow(2).mean(-1, keepdim=True) + self.eps%0Aand 3 more that are wrong on their own"`,
    );
  });

  it("is a warning where sites were not judged", () => {
    expect(renderAnnotations([unknownVerdict()])[0]).toMatch(/^::warning title=lockstep%3A llama\/golden::/);
  });

  it.each([...hostileTexts, explainedVerdict().case])("is written as GitHub's toolkit writes it: %j", (name) => {
    const lines = renderAnnotations([hostileVerdict(name)]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\r\n]/);
    const { level, properties, message } = readCommand(lines[0]!);
    expect(level).toBe("error");
    const { file, title } = properties as { file: string; title: string };
    const expected = official(message, { title, file, startLine: 1 });
    const order = (line: string) => [...line.split("::")[1]!.replace("error ", "").split(",")].toSorted();
    expect(order(lines[0]!)).toEqual(order(expected));
    expect(lines[0]!.replace(/^::.*?::/, "")).toBe(expected.replace(/^::.*?::/, ""));
    expect(file).toBe(plainLine(`cases/${name}.case.ts`));
  });
});
