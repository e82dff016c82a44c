/** Torch in a process of its own, which runs one operation when it is asked to. */
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

/** A request for one measurement: an operation by name, or a step of a model. */
export interface TorchRequest {
  readonly what: string;
  readonly threads: number;
  /** Runs, of which the mean counts. */
  readonly times: number;
  readonly model?: string;
  readonly dtype?: "float32" | "bfloat16";
}

export interface Torch {
  /** Milliseconds of one run. */
  time(request: TorchRequest): Promise<number>;
  close(): Promise<void>;
}

const script = fileURLToPath(new URL("torch_partner.py", import.meta.url));

/** Starts it with `python`, which has torch and transformers. */
export function startTorch(python: string): Torch {
  const child = execa(python, [script], { stderr: "ignore", reject: false });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async time(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`torch_partner.py ended at ${JSON.stringify(request)}`);
      return Number(value);
    },
    async close() {
      child.stdin.end();
      await child;
    },
  };
}
