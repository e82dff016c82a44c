import { createHash } from "node:crypto";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

/** The ending of the files of goldens. */
export const goldenEnding = ".golden";

/**
 * A golden's file: one line of JSON that people can read (`head -1`), which ends with the payload's checksum, then the
 * payload, compressed by brotli.
 */
export function packFile(head: Readonly<Record<string, unknown>>, payload: Uint8Array): Uint8Array {
  const packed = brotliCompressSync(payload, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: payload.length,
    },
  });
  return Buffer.concat([Buffer.from(`${JSON.stringify({ ...head, payload: digest(packed) })}\n`), packed]);
}

/** Bytes of the largest payload: those of the largest cases have some 20 MB. */
const largestPayload = 2 ** 30;

/** Takes a golden's file apart. @throws Error for what is cut off, changed, or no such file at all. */
export function unpackFile(bytes: Uint8Array): { head: unknown; payload: Uint8Array } {
  const end = bytes.indexOf(10);
  if (end < 0) throw new Error("expected a first line of JSON, found no end of line");
  const { payload: expected, ...head } = JSON.parse(Buffer.from(bytes.subarray(0, end)).toString()) as {
    payload?: unknown;
  };
  const packed = bytes.subarray(end + 1);
  const found = digest(packed);
  if (found !== expected) throw new Error(`expected a payload with checksum ${String(expected)}, found ${found}`);
  return { head, payload: brotliDecompressSync(packed, { maxOutputLength: largestPayload }) };
}

/** The first line alone, whatever follows. @throws Error when it is no JSON. */
export function readHead(bytes: Uint8Array): unknown {
  const end = bytes.indexOf(10);
  return JSON.parse(Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString());
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}
