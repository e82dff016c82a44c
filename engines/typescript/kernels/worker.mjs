/** A thread of threads.ts: waits for the next kernel, runs its part, and says so. Plain JavaScript, so that it starts fast and is the same file when published. */
import { workerData } from "node:worker_threads";

const { memory, module, names, control, address, part, spins } = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
const kernels = names.map((name) => exports[name]);
const words = new Int32Array(memory.buffer, address, 16);

let seen = Atomics.load(words, control.epoch);
Atomics.add(words, control.ready, 1);
for (;;) {
  for (let spin = 0; spin < spins && Atomics.load(words, control.epoch) === seen; spin++);
  while (Atomics.load(words, control.epoch) === seen) Atomics.wait(words, control.epoch, seen);
  seen = Atomics.load(words, control.epoch);
  kernels[words[control.kernel]](words[control.arguments], part, words[control.parts]);
  Atomics.add(words, control.done, 1);
  Atomics.notify(words, control.done);
}
