import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Asserts times under load, so nothing may run beside it.
const ALONE = ["test/e2e/wecom-load.test.ts"];

export default defineConfig({
  test: {
    // Real sandboxes take about 0.3 s each to boot on a busy two-core machine.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: ALONE,
          // Vitest leaves a core to itself, which on two cores means one file at a time; many only wait.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: ALONE,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
