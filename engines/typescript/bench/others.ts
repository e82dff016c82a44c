/** The engine's matrix product against other engines that run in Node, on one thread: 1.00 is as fast as the other. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { linear } from "../kernels/linear.ts";
import { KernelMemory } from "../kernels/memory.ts";
import type { Figure } from "../../../harness/bench/figures.ts";
import { mediansInTurn, spellTime } from "../../../harness/bench/figures.ts";
import { cacheDirectory } from "../../../harness/setup/cache.ts";
import { drawUniform } from "../../../harness/trace/draw.ts";
import { onnxMatmul } from "./onnx-matmul.ts";

const packages = { "onnxruntime-node": "1.30.0", "@jax-js/jax": "0.1.25" } as const;
type Other = keyof typeof packages;
const shapes = [
  { rows: 128, inner: 2048, columns: 2048 },
  { rows: 1, inner: 2048, columns: 8192 },
];
type Sizes = (typeof shapes)[number];

/** One product of the other engine; `x` [rows, inner], `w` [inner, columns]. */
type Product = (x: Float32Array, w: Float32Array, sizes: Sizes) => Promise<() => Promise<unknown>>;

/** The part of the packages' interfaces that is used here. */
interface Onnx {
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<{ run(feeds: object): Promise<unknown> }>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => object;
}
interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<unknown>;
}
interface Jax {
  init(device: string): Promise<unknown>;
  defaultDevice(device: string): void;
  readonly numpy: { array(data: Float32Array): JaxArray; matmul(a: JaxArray, b: JaxArray): JaxArray };
}

const products: Readonly<Record<Other, (library: unknown) => Promise<Product>>> = {
  "onnxruntime-node": async (library) => {
    const { InferenceSession, Tensor } = (library as { default: Onnx }).default;
    return async (x, w, sizes) => {
      const options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
      const session = await InferenceSession.create(onnxMatmul(sizes), options);
      const feeds = {
        x: new Tensor("float32", x, [sizes.rows, sizes.inner]),
        w: new Tensor("float32", w, [sizes.inner, sizes.columns]),
      };
      return () => session.run(feeds);
    };
  },
  "@jax-js/jax": async (library) => {
    const { init, defaultDevice, numpy } = library as Jax;
    await init("wasm");
    defaultDevice("wasm");
    return async (x, w, { rows, inner, columns }) => {
      const [left, right] = [numpy.array(x).reshape([rows, inner]), numpy.array(w).reshape([inner, columns])];
      return () => numpy.matmul(left.ref, right.ref).data();
    };
  },
};

/** A figure for each other engine and shape, or how to get it. */
export async function* benchOthers(): AsyncGenerator<Figure> {
  const folder = join(cacheDirectory(), "bench-others");
  const memory = new KernelMemory();
  const place = (numbers: Float32Array): Float32Array => {
    const array = new Float32Array(memory.memory.buffer, memory.reserve(numbers.byteLength)!, numbers.length);
    array.set(numbers);
    return array;
  };
  for (const [name, version] of Object.entries(packages) as [Other, string][]) {
    if (!existsSync(join(folder, "node_modules", name))) {
      const from = `npm install --prefix ${folder} ${name}@${version} fetches it`;
      yield { section: "others", what: name, value: "not measured", from };
      continue;
    }
    const resolved = createRequire(join(folder, "package.json")).resolve(name);
    const product = await products[name](await import(pathToFileURL(resolved).href));
    for (const sizes of shapes) {
      const { rows, inner, columns } = sizes;
      const [x, w] = [drawUniform(0, "x", rows * inner, -1, 1), drawUniform(0, "w", inner * columns, -1, 1)];
      const [ownX, ownW] = [place(x), place(w)];
      const theirs = await product(x, w, sizes);
      const ours = async (): Promise<void> =>
        void memory.scratch(
          () => linear(ownX, ownW, null, sizes),
          () => new Float32Array(0),
        );
      const [own, other] = (await mediansInTurn([ours, theirs], 15)) as [number, number];
      const what = `${rows} x ${inner} x ${columns}, 1 thread`;
      const value = `${(other / own).toFixed(2)} x`;
      yield { section: "others", what, value, from: `${name} ${version}: ${spellTime(own)} and ${spellTime(other)}` };
    }
  }
}
