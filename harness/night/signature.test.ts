import { describe, expect, it } from "vitest";
import { secretVariable } from "../engine/trust.ts";
import { createSigner, queueSecret } from "./signature.ts";

const secret = "0123456789abcdef";
const signer = createSigner(secret, "queue");
const job = { key: "k", engine: "typescript" };
const signed = signer.sign("job", "n-k", job);

describe("a signed message", () => {
  it("is opened by who knows the secret", () => {
    expect(createSigner(secret, "queue").open("job", "n-k", signed)).toEqual({ content: job });
  });

  const changed = JSON.stringify({ ...job, engine: "cmd:sh -c evil" });
  it.each<[string, unknown]>([
    ["it has no signature", { body: signed.body }],
    ["its signature is empty", { ...signed, signature: "" }],
    ["its signature is no hexadecimal number", { ...signed, signature: "z".repeat(64) }],
    ["its signature is cut off", { ...signed, signature: signed.signature.slice(0, 62) }],
    ["its signature is longer", { ...signed, signature: `${signed.signature}00` }],
    ["its signature is in capitals", { ...signed, signature: signed.signature.toUpperCase() }],
    ["it has a field more", { ...signed, engine: "cmd:x" }],
    ["its content was changed", { ...signed, body: changed }],
    ["its content was written otherwise", { ...signed, body: ` ${signed.body}` }],
    ["it is the content alone", job],
    ["it is signed with another secret", createSigner("fedcba9876543210", "queue").sign("job", "n-k", job)],
    ["it is of another queue", createSigner(secret, "other").sign("job", "n-k", job)],
    ["it is another job's", signer.sign("job", "n-other", job)],
    ["it is an answer", signer.sign("answer", "n-k", job)],
    ...[null, undefined, "", 3, []].map((message): [string, unknown] => [`it is ${JSON.stringify(message)}`, message]),
  ])("stays closed where %s", (_, message) => {
    expect(signer.open("job", "n-k", message)).toBeNull();
  });
});

describe("the secret", () => {
  it("is the environment's", () => {
    expect(queueSecret({ [secretVariable]: secret })).toBe(secret);
  });

  it.each([undefined, "", "short"])("is refused when it is %j", (value) => {
    expect(() => queueSecret({ [secretVariable]: value })).toThrow(
      /^LOCKSTEP_QUEUE_SECRET: expected a secret of at least 16/,
    );
  });
});
