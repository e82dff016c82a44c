/** Keeps watch over the checkpoints that several engines load: all must read the same weights. */
import { stampOf } from "../setup/seal.ts";
import { EngineFailure } from "../trace/errors.ts";
import type { EngineProcess } from "./process.ts";
import type { Result } from "./protocol.ts";

/** What is known of a checkpoint since the reference, or whoever came first, has loaded it. */
interface Known {
  readonly stamp: string;
  readonly sha256: string | undefined;
  readonly by: EngineProcess;
}

/** The checkpoints of a pool. */
export interface WeightsWatch {
  /** The state of a checkpoint's files; another text once one has been changed. */
  stamp(checkpoint: string): string;
  /**
   * Notes what an engine has loaded. @throws EngineFailure where it is not what another one loaded from there: other
   * files, or other weights as far as both state `weights_sha256`.
   */
  loaded(engine: EngineProcess, result: Pick<Result<"load">, "checkpoint" | "weights_sha256">): void;
}

/** Makes a watch over no checkpoints yet. */
export function watchWeights(): WeightsWatch {
  const known = new Map<string, Known>();
  return {
    stamp: stampOf,
    loaded(engine, { checkpoint, weights_sha256: sha256 }) {
      const stamp = stampOf(checkpoint);
      const first = known.get(checkpoint);
      if (!first || first.by === engine || engine.hello.capabilities.oracle || !first.by.alive()) {
        known.set(checkpoint, { stamp, sha256, by: engine });
        return;
      }
      const [mine, theirs] = [engine.hello.name, first.by.hello.name];
      if (first.sha256 !== undefined && sha256 !== undefined && first.sha256 !== sha256)
        throw new EngineFailure(
          `${mine} has not loaded the weights that ${theirs} has: expected weights_sha256 ${first.sha256}, found ${sha256}, in ${checkpoint}`,
          {
            remedy:
              "run it again; if it stays, the engine reads other files, or hashes otherwise than docs/protocol.md says",
          },
        );
      if (first.stamp !== stamp)
        throw new EngineFailure(
          `${checkpoint} was changed after ${theirs} had loaded it: expected the same files until all have`,
          { remedy: "run it again, and see what writes there; an engine must not" },
        );
    },
  };
}

/** Refuses a run during which something that it worked on was changed. @throws EngineFailure that names it */
export function checkUnchanged(broken: readonly string[]): void {
  if (broken.length > 0)
    throw new EngineFailure(`${broken.join(", ")} was changed during the run: expected files that stay as they are`, {
      remedy: "run it again, and see what writes there; an engine must not",
    });
}
