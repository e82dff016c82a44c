import { describe, expect, it } from "vitest";
import { auditConfig, auditTensors, tensorsAgree } from "./audits.ts";

const tensor = (name: string, shape: number[], tied?: string) => ({
  name,
  shape,
  dtype: "F32",
  ...(tied !== undefined && { tied_to: tied }),
});

describe("the audit of tensors", () => {
  it("agrees on equal tensors in any order", () => {
    const [a, b] = [tensor("a", [2]), tensor("b", [3], "a")];
    const audit = auditTensors([b, a], [a, b]);
    expect([audit, tensorsAgree(audit)]).toEqual([
      { compared: 2, missing: [], unexpected: [], different: [], values: null },
      true,
    ]);
  });

  it.each([
    ["missing", [], [tensor("a", [2])], { compared: 0, missing: ["a"] }],
    ["unexpected", [tensor("a", [2])], [], { compared: 0, unexpected: ["a"] }],
    [
      "of another shape",
      [tensor("a", [2, 3])],
      [tensor("a", [3, 2])],
      {
        compared: 1,
        different: [{ name: "a", expected: { shape: [3, 2], tied_to: null }, found: { shape: [2, 3], tied_to: null } }],
      },
    ],
    [
      "not tied",
      [tensor("a", [2])],
      [tensor("a", [2], "b")],
      {
        compared: 1,
        different: [{ name: "a", expected: { shape: [2], tied_to: "b" }, found: { shape: [2], tied_to: null } }],
      },
    ],
  ])("names a tensor that is %s", (_, engine, reference, expected) => {
    const audit = auditTensors(engine, reference);
    expect(audit).toMatchObject(expected);
    expect(tensorsAgree(audit)).toBe(false);
  });
});

describe("the audit of config fields", () => {
  const attention = "model.layers.5.self_attn";
  const read = (scope: string, ...fields: string[]) => fields.map((field) => ({ scope, field }));
  const reference = [...read(attention, "head_dim", "global_head_dim"), ...read("model", "vocab_size")];

  it("lists what only one side reads, sorted, whatever the module", () => {
    const engine = [...read("other", "head_dim", "zeta"), ...read("model", "vocab_size", "alpha")];
    expect(auditConfig(engine, reference, null)).toEqual({
      never_read_by_engine: ["global_head_dim"],
      never_read_by_reference: ["alpha", "zeta"],
    });
  });

  it("says at the culprit what only the reference reads in that module", () => {
    const engine = [...read(attention, "head_dim"), ...read("model", "global_head_dim")];
    expect(auditConfig(engine, reference, attention).at_culprit).toEqual({
      scope: attention,
      engine_scope: attention,
      reference_only: ["global_head_dim"],
      engine_reads: ["head_dim"],
    });
  });

  it("takes the functional part of the module where the engine has one", () => {
    const engine = [...read(attention, "global_head_dim"), ...read(`${attention}#attention`, "head_dim")];
    expect(auditConfig(engine, reference, attention).at_culprit).toMatchObject({
      engine_scope: `${attention}#attention`,
      reference_only: ["global_head_dim"],
    });
  });

  it("does not take layer 50 for layer 5", () => {
    const engine = read("model.layers.50.self_attn", "head_dim");
    expect(auditConfig(engine, reference, attention).at_culprit).toBeUndefined();
  });
});
