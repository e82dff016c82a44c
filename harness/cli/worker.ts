import type { Command } from "commander";
import { work } from "../night/worker.ts";
import { withoutPassword } from "../night/queue.ts";
import { chooseEngine } from "../engine/registry.ts";
import { queueSecret } from "../night/signature.ts";
import { plainLine } from "../trace/harmless.ts";
import { UsageError, exitCodes } from "../trace/errors.ts";
import { parseWhole } from "./arguments.ts";
import { onceInterrupted } from "./interrupt.ts";
import { say, status } from "./output.ts";

/** Seconds after which the job of a silent worker goes to another. */
const defaultLease = 30;

interface Flags {
  readonly redis: string;
  readonly lease: number;
  readonly idle?: number;
  readonly engine?: string[];
}

/** `lockstep worker`: runs jobs that `lockstep nightly --redis` puts into a queue. */
export function addWorker(program: Command): void {
  program
    .command("worker")
    .description("run jobs of lockstep nightly --redis; any number of workers, on any machines with the same sources")
    .requiredOption("--redis <url>", "the queue's server: redis://host:port")
    .option(
      "--lease <seconds>",
      "a worker that is silent for so long loses its job to another",
      parseWhole,
      defaultLease,
    )
    .argument("[case...]", "case files beside those of the cases folder: a job names cases, it brings none")
    .option("--engine <name...>", "engines that jobs may name, beside those of this installation and of the cases")
    .option("--idle <seconds>", "end after so long without a job; never when absent", parseWhole)
    .action(worker);
}

async function worker(cases: readonly string[], { redis, lease, idle, engine: engines = [] }: Flags): Promise<void> {
  const secret = queueSecret();
  for (const name of engines) chooseEngine(name); // refuses an unknown one before anything starts
  if (lease < 1) throw new UsageError(`--lease: expected at least 1 second, found ${lease}`);
  const shown = withoutPassword(redis);
  const stop = new AbortController();
  using _interrupt = onceInterrupted(() => {
    say("ending after this job");
    stop.abort();
  });
  let refused = 0;
  const done = await work(
    { url: redis, lease, secret, engines, cases, signal: stop.signal, ...(idle !== undefined && { idle }) },
    {
      report: say,
      ready: (queue) => say(`worker ready   ${queue}   ${shown}`),
      begins: ({ case: name, engine, dtype, reference }) =>
        status(`${name}   ${engine}   ${dtype}   transformers ${reference.version}`),
      refused: (id, reason) => {
        refused++;
        say(plainLine(` REFUSED  ${id}   ${reason}`));
      },
      lacks: ({ case: name }, error) => say(plainLine(` LACKS  ${name}   ${error.message.split("\n")[0]}`)),
      done: ({ record }) => {
        const { case: name, dtype, reference, compared, total, status: ended, seconds } = record;
        say(
          ` ${ended.toUpperCase()}  ${name}   ${dtype}   transformers ${reference.version}   ${compared}/${total} sites   ${seconds.toFixed(1)} s`,
        );
      },
    },
  );
  say(
    `${refused > 0 ? "not ok" : "ok"}   worker ended   ${done} jobs done${refused > 0 ? `, ${refused} refused` : ""}`,
  );
  if (refused > 0) process.exitCode = exitCodes.mismatch;
}
