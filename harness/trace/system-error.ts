/** The operating system's refusals as sentences: what could not be done, with which file, and what to do. */
import { EnvironmentError, UsageError } from "./errors.ts";

/** What the system says by number, and what mends it. */
const reasons: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOSPC: ["no space is left on its device", "free some, or name another folder"],
  EDQUOT: ["the disk quota is used up", "free some, or name another folder"],
  EROFS: ["its file system is read-only", "name a folder that can be written"],
  EACCES: ["permission is denied", "grant it, or name another place"],
  EPERM: ["the system does not permit it", "grant it, or name another place"],
  ENOENT: ["it is not there", "make it, or name another place"],
  ENOTDIR: ["a part of its path is a file, not a folder", "name another place"],
  EISDIR: ["it is a folder", "name a file"],
  EEXIST: ["something else has its name", "move that, or name another place"],
  ENOTEMPTY: ["it is a folder that is not empty", "empty it, or name another place"],
  ENAMETOOLONG: ["its name is too long", "name another one"],
  ELOOP: ["it is a symbolic link that leads to itself", "name another place"],
  EINVAL: ["it can't be named or used so", "name another place"],
  ENXIO: ["it is a device or socket that nobody serves", "name another place"],
  EPIPE: ["its reader has gone", "keep the reader running"],
  EMFILE: ["too many files are open", "raise the limit: ulimit -n 4096"],
  ENFILE: ["too many files are open on this machine", "end some programs"],
  ENOMEM: ["there is no memory left", "end some programs"],
  EAGAIN: ["there are no processes or memory left for it", "end some programs"],
  EIO: ["its device does not answer", "look at the system's log"],
  EFBIG: ["it would become larger than a file may be", "raise the limit: ulimit -f unlimited"],
  EXDEV: ["it lies on another device", "name another place"],
  EBUSY: ["it is in use", "end what uses it"],
};

/** Numbers that say that a name is wrong, not the machine. */
const wrongNames = new Set(["ENOTDIR", "EISDIR", "EEXIST", "ENAMETOOLONG", "ELOOP", "EINVAL"]);

/** True for an error of the operating system: it has a number, as `ENOSPC`. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code)) && "syscall" in error;
}

/** The reason of a system error in words, such as "permission is denied". */
export function reasonOf({ code = "", syscall = "the call" }: NodeJS.ErrnoException): string {
  return reasons[code]?.[0] ?? `the system refuses ${syscall} (${code})`;
}

/**
 * Returns an error of the operating system as an EnvironmentError, or as a UsageError where the name of a file is wrong,
 * that says what could not be used, why, and what to do; any other error as it is.
 */
export function explainSystemError(error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const remedy = reasons[error.code ?? ""]?.[1] ?? "see the system's log";
  const what = error.path ?? error.syscall ?? "a file";
  const { dest } = error as { dest?: unknown };
  const place = typeof dest === "string" ? `${what}, which was to become ${dest},` : what;
  const message = `${place} can't be used: ${reasonOf(error)}; ${remedy}`;
  return wrongNames.has(error.code ?? "") ? new UsageError(message) : new EnvironmentError(message, { cause: error });
}
