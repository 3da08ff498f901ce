import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";
import { hashOf, isStamped, stamp } from "./stamp.mjs";

const wanted = (root) => {
  const config = JSON.parse(readFileSync(join(root, "tsconfig.build.json"), "utf8"));
  const folders = config.include.map((pattern) => pattern.replace(/\/\*.*$/, ""));
  return hashOf(root, [...folders, "tsconfig.json", "tsconfig.build.json", "package-lock.json"]);
};
const stampFile = (folder) => join(folder, ".built");

/** Whether dist/ was compiled from the sources as they are now. */
export const isBuilt = (root) => isStamped(stampFile(join(root, "dist")), wanted(root));

/** Compiles the sources into dist/. Another process never sees a half-written dist/. */
export const build = (root) => {
  const sources = wanted(root);
  const fresh = join(root, "node_modules", `.clawgate-dist-${process.pid}`);
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  try {
    run(process.execPath, [compiler, "-p", "tsconfig.build.json", "--outDir", fresh], {
      cwd: root,
    });
    stamp(stampFile(fresh), sources);
    rmSync(join(root, "dist"), { recursive: true, force: true });
    renameSync(fresh, join(root, "dist"));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
};
