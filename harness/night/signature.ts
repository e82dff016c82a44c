/**
 * Signatures of what travels through a queue. Whoever can write to the server can put anything there; only those who
 * know the secret can sign it, and what is not signed is refused before it is read.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { secretVariable } from "../engine/trust.ts";
import { UsageError } from "../trace/errors.ts";

/** Characters that a secret has at least. */
const shortest = 16;

/** The purposes of a message: one that was signed for the one can't be used for the other. */
export type Purpose = "job" | "answer";

/** A message with its signature. `body` is JSON: signed is its text, not what a reader makes of it. */
const signedMessage = z.strictObject({ body: z.string(), signature: z.string() });

export type SignedMessage = z.infer<typeof signedMessage>;

/** Signs and opens the messages of one queue. */
export interface Signer {
  /** Signs a message of a job; `id` is the job's name in the queue. */
  sign(purpose: Purpose, id: string, content: unknown): SignedMessage;
  /** The content of a message; null where it was not signed with this secret, for this purpose and this job. */
  open(purpose: Purpose, id: string, message: unknown): { readonly content: unknown } | null;
}

/** The secret that the environment gives. @throws UsageError where there is none, or it is too short to be one */
export function queueSecret(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const secret = environment[secretVariable] ?? "";
  if (secret.length >= shortest) return secret;
  throw new UsageError(
    `${secretVariable}: expected a secret of at least ${shortest} characters, the same for the night and its workers, found ${secret === "" ? "none" : `${secret.length} characters`}; make one with: openssl rand -hex 32`,
  );
}

/** A signer with a secret, for the queue of this name. */
export function createSigner(secret: string, queue: string): Signer {
  const digest = (purpose: Purpose, id: string, body: string): Buffer =>
    createHmac("sha256", secret)
      .update(JSON.stringify([queue, purpose, id, body]))
      .digest();
  return {
    sign(purpose, id, content) {
      const body = JSON.stringify(content);
      return { body, signature: digest(purpose, id, body).toString("hex") };
    },
    open(purpose, id, message) {
      const parsed = signedMessage.safeParse(message);
      if (!parsed.success || !/^[0-9a-f]{64}$/.test(parsed.data.signature)) return null;
      const { body, signature } = parsed.data;
      if (!timingSafeEqual(digest(purpose, id, body), Buffer.from(signature, "hex"))) return null;
      return { content: JSON.parse(body) as unknown };
    },
  };
}
