import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Real sandboxes take about 0.3 s each to boot on a busy two-core machine.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Vitest leaves a core to itself, which on two cores means one file at a time; many only wait.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
