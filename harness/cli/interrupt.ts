/** Ctrl-C, and the other signals that ask a command to end. */
import { constants } from "node:os";
import { say, status } from "./output.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

type Signal = (typeof signals)[number];

/** Of those who want to end by themselves, the last one is asked; only once. */
const handlers: ((signal: Signal) => void)[] = [];

/**
 * From now on a signal ends this process with one line and the exit code that shells know (130 for SIGINT, 143 for
 * SIGTERM); what is to be done at its end (engines, spool directories) is done.
 */
export function endOnSignals(): void {
  for (const signal of signals)
    process.on(signal, () => {
      const handler = handlers.pop();
      if (handler) return handler(signal);
      status(null);
      say(`lockstep: ended by ${signal}; engines are stopped, nothing is left behind`);
      return process.exit(128 + constants.signals[signal]);
    });
}

/** Asks `handler` at the next signal, once; the one after that ends the process. Dispose of it to take it back. */
export function onceInterrupted(handler: (signal: Signal) => void): Disposable {
  handlers.push(handler);
  return {
    [Symbol.dispose]() {
      const place = handlers.indexOf(handler);
      if (place >= 0) handlers.splice(place, 1);
    },
  };
}
