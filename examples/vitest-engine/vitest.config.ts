import { lockstepReporter } from "lockstep/vitest/reporter";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["*.test.ts"],
    reporters: ["default", lockstepReporter({ html: "reports/index.html", junit: "reports/junit.xml" })],
  },
});
