/**
 * `npm run kernels`: compiles assembly/ to kernels.wasm with AssemblyScript. The result is committed, and a test holds
 * it against the sources.
 */
import { renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
const options = ["--runtime", "stub", "--enable", "simd", "--enable", "threads", "--noAssert", "-O3"];
const memory = ["--importMemory", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "65536"];

/**
 * The bytes of kernels.wasm as the sources give them. Throws Error with the compiler's messages when they don't
 * compile.
 */
export async function compileKernels(): Promise<Uint8Array> {
  const asc = await import("assemblyscript/asc");
  const files = new Map<string, Uint8Array>();
  const writeFile = (name: string, contents: string | Uint8Array): void =>
    void files.set(name, typeof contents === "string" ? Buffer.from(contents) : contents);
  const { error, stderr } = await asc.main(
    ["assembly/index.ts", "--baseDir", folder, "--outFile", "kernels.wasm", ...options, ...memory],
    { writeFile },
  );
  const wasm = files.get("kernels.wasm");
  if (error || !wasm) throw new Error(`the kernels don't compile:\n${stderr.toString()}`);
  return wasm;
}

if (import.meta.main) {
  const wasm = await compileKernels();
  const target = `${folder}kernels.wasm`;
  writeFileSync(`${target}.new`, wasm);
  renameSync(`${target}.new`, target);
  process.stderr.write(`kernels  ${wasm.byteLength} bytes\n`);
}
