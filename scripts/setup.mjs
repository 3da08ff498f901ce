import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, isBuilt } from "./build.mjs";
import { areDependenciesInstalled, installDependencies } from "./dependencies.mjs";
import { installGvisor, isGvisorInstalled } from "./gvisor.mjs";
import { withLock } from "./lock.mjs";
import {
  installLine,
  installPackages,
  installServers,
  missingPackages,
  SANDBOX_PACKAGES,
  SERVER_PACKAGES,
} from "./system-packages.mjs";

/** The project's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

// Dependencies and the build are required; without the others only skills are off.
const STEPS = [
  {
    name: "locked dependencies",
    isDone: () => areDependenciesInstalled(root),
    perform: () => installDependencies(root),
    isRequired: true,
  },
  {
    name: "build",
    isDone: () => isBuilt(root),
    perform: () => build(root),
    isRequired: true,
  },
  {
    name: "sandbox packages (bubblewrap, python3, socat)",
    isDone: () => missingPackages(SANDBOX_PACKAGES).length === 0,
    perform: () => installPackages(missingPackages(SANDBOX_PACKAGES)),
    remedy: () => installLine(missingPackages(SANDBOX_PACKAGES)),
  },
  {
    name: "gVisor",
    isDone: () => isGvisorInstalled(root),
    perform: () => installGvisor(root),
    remedy: () => "put runsc 0.0~20240729 or newer on PATH, or run this on Debian with a network",
  },
];

const TEST_STEPS = [
  ...STEPS,
  {
    name: "servers for tests (postgresql, redis-server)",
    isDone: () => missingPackages(SERVER_PACKAGES).length === 0,
    perform: () => installServers(missingPackages(SERVER_PACKAGES)),
    remedy: () => installLine(missingPackages(SERVER_PACKAGES)),
  },
];

/**
 * Makes the checkout ready to run and resolves with one sentence for each optional part that could
 * not be had. Prints a line for what it really does; throws when a required part fails. A second call
 * finds everything in place and touches nothing.
 */
export const setUp = () => take(STEPS);

/** The same, and ready for its tests. */
export const setUpForTests = () => take(TEST_STEPS);

const take = async (steps) => {
  if (steps.every((step) => step.isDone())) return [];
  return withLock(join(root, ".engines", "setup.lock"), () => {
    const missing = [];
    for (const step of steps) {
      if (step.isDone()) continue;
      console.log(`set-up: ${step.name} …`);
      try {
        step.perform();
      } catch (error) {
        if (step.isRequired) throw error;
        missing.push(`${step.name} missing; to fix: ${step.remedy()} (${firstLine(error)})`);
      }
    }
    return missing;
  });
};

const firstLine = (error) => error.message.split("\n")[0];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const missing = await setUp().catch((error) => [error.message]);
  for (const sentence of missing) console.error(`set-up: ${sentence}`);
  if (missing.length > 0) process.exitCode = 1;
}
