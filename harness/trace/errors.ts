/** The exit codes of the command line (see README). */
export const exitCodes = { pass: 0, mismatch: 1, usage: 2, environment: 3, engine: 4 } as const;

/** The caller asked for something that can't be: wrong option, unknown case, unreadable file. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something that this machine lacks: Python, a package, room. Exit code 3. */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
  /** The last lines that a program wrote which could not be started. */
  readonly stderrTail: readonly string[];
  constructor(message: string, options: { stderrTail?: readonly string[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.stderrTail = options.stderrTail ?? [];
  }
}

/** An engine that crashed, hung, or broke the protocol. Exit code 4. */
export class EngineFailure extends Error {
  override readonly name = "EngineFailure";
  readonly stderrTail: readonly string[];
  readonly remedy: string | undefined;
  /** The code of the error that the engine answered with (docs/protocol.md); null where it did not answer. */
  readonly code: number | null;
  /** What an engine that goes on living has answered, without the name of its command; absent where it broke. */
  readonly refusal: string | undefined;
  constructor(
    message: string,
    options: {
      stderrTail?: readonly string[];
      remedy?: string | undefined;
      code?: number;
      refusal?: string;
    } = {},
  ) {
    super(message);
    this.stderrTail = options.stderrTail ?? [];
    this.remedy = options.remedy;
    this.code = options.code ?? null;
    this.refusal = options.refusal;
  }
}
