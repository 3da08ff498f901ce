import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";
import { hashOf, isStamped, stamp } from "./stamp.mjs";

const stampFile = (root) => join(root, "node_modules", ".clawgate-installed");
// Packages differ by Node version and machine, so the stamp names both.
const wanted = (root) =>
  hashOf(root, ["package-lock.json"], `${process.version} ${process.platform} ${process.arch}`);

/** Whether node_modules is what package-lock.json describes, for this Node. */
export const areDependenciesInstalled = (root) => isStamped(stampFile(root), wanted(root));

/** Installs the locked dependencies, development tools included: the build needs the compiler. */
export const installDependencies = (root) => {
  run("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: root });
  // npx takes what is here before what it has kept of this folder, which may be from another version.
  symlinkSync("../../scripts/clawgate.mjs", join(root, "node_modules", ".bin", "clawgate"));
  stamp(stampFile(root), wanted(root));
};
