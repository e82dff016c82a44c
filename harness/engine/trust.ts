/**
 * The rule of what may be started: what the user typed, what this installation knows by an `engine.json`, and what a
 * case file that is loaded anyway names. A verdict, a shard or a job is data and starts nothing on its own word.
 */
import { UsageError } from "../trace/errors.ts";
import { chooseEngine } from "./registry.ts";

/** The environment variable that holds the secret of a queue. Engines are started without it. */
export const secretVariable = "LOCKSTEP_QUEUE_SECRET";

/** The user's word on what a file names. */
export interface Permission {
  /** The file, for messages. */
  readonly file: string;
  /** The engine that the user typed; it takes the place of the file's. */
  readonly typed?: string | undefined;
  /** True where the user lets start whatever the file names. */
  readonly trust?: boolean | undefined;
}

/** True for the name of an engine of this installation that takes no argument: nobody can put a command into it. */
export function isRegistered(engine: string): boolean {
  try {
    const choice = chooseEngine(engine);
    return choice.kind === "manifest" && choice.argument === null;
  } catch {
    return false;
  }
}

/**
 * The engine to start for a file that names `named`, where the case itself runs with `own`.
 * @throws UsageError that shows what would be started and says how to allow it; for an unknown engine
 */
export function permittedEngine(named: string, own: string, { file, typed, trust }: Permission): string {
  const engine = typed ?? named;
  chooseEngine(engine); // refuses an unknown one before anything starts
  if (typed === undefined && named !== own && !trust && !isRegistered(named))
    throw new UsageError(
      `${file} names an engine that would be started: ${JSON.stringify(named)}; a file is data and starts nothing by itself: type --engine <name> to choose the engine, or --trust to start this one`,
    );
  return engine;
}
