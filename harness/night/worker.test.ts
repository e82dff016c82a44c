import { describe, expect, it } from "vitest";
import { defineCase } from "../case/case.ts";
import type { JobData } from "./queue.ts";
import { createSigner } from "./signature.ts";
import { ownCase, readJob, sayDifferences } from "./worker.ts";

const night = { engine: { typescript: "0.1.0", sources: "a" }, reference: { torch: "2.13.0" } };

it("a worker says which version is not the night's", () => {
  const found = { engine: { typescript: "0.1.0", sources: "b" }, reference: { torch: "2.13.0", python: "3.12" } };
  expect(sayDifferences(night, found)).toBe(
    "engine: sources a expected, b found, reference: python none expected, 3.12 found",
  );
});

it("where no version differs the case does", () => {
  expect(sayDifferences(night, night)).toBe("another config, inputs, phases or fault of this case");
});

describe("a job out of a queue", () => {
  const signer = createSigner("0123456789abcdef", "queue");
  const job: JobData = {
    ...{ key: "k1", night: "2026-11-26", case: "tiny/text", engine: "typescript", dtype: "float32" },
    ...{ seed: 0, limit: 4, explain: 0, reference: { version: "5.24.0", roles: ["pinned"] }, versions: night },
  };

  it("is read where it is signed", () => {
    expect(readJob(signer, "id", signer.sign("job", "id", job))).toEqual(job);
  });

  it.each<[string, unknown, RegExp]>([
    ["not signed", job, /not signed with this worker's LOCKSTEP_QUEUE_SECRET/],
    ["signed by others", createSigner("fedcba9876543210", "queue").sign("job", "id", job), /not signed/],
    ["another one's", signer.sign("job", "other", job), /not signed/],
    ["of a key that is a path", signer.sign("job", "id", { ...job, key: "../../x" }), /no job: key/],
    ["of a night that is a path", signer.sign("job", "id", { ...job, night: "../x" }), /no job: night/],
    [
      "of a version that is none",
      signer.sign("job", "id", { ...job, reference: { version: "5 @ https://x.example", roles: [] } }),
      /no job: reference\.version/,
    ],
    ["one that brings case files", signer.sign("job", "id", { ...job, cases: ["/elsewhere/evil.case.ts"] }), /no job/],
  ])("is refused when it is %s", (_, data, reason) => {
    expect(readJob(signer, "id", data)).toMatch(reason);
  });

  const own = defineCase({
    name: "tiny/text",
    title: "",
    config: {},
    inputs: () => new Map(),
    kind: "shapes",
    engine: "cmd:own",
  });
  it.each(["typescript", "transformers", "cmd:own", "cmd:allowed --here"])("may name the engine %s", (engine) => {
    expect(ownCase({ ...job, engine }, [own], ["cmd:allowed --here"])).toBe(own);
  });

  it.each(["cmd:sh -c evil", "cmd:allowed", "cmd:allowed --here; evil", "torch:evil.py:build", "nope", ""])(
    "starts no engine that its worker was not told of: %j",
    (engine) => {
      expect(() => ownCase({ ...job, engine }, [own], ["cmd:allowed --here"])).toThrow(
        /does not start .* on a job's word/,
      );
    },
  );

  it("brings no case", () => {
    expect(() => ownCase({ ...job, case: "/elsewhere/evil.case.ts" }, [own], [])).toThrow(/has no case/);
  });
});
