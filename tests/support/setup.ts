/** What every test file is run with. */
import { afterAll } from "vitest";
import { removeTestFolders } from "../../harness/trace/test-folder.ts";

afterAll(removeTestFolders);
