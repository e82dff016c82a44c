/** Runs with every test file, to remove its folders at the end. */
import { afterAll } from "vitest";
import { removeTestFolders } from "../../harness/trace/test-folder.ts";

afterAll(removeTestFolders);
