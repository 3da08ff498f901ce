import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The project's folder. */
export const ROOT = new URL("../..", import.meta.url).pathname;

/**
 * Makes a program that plain Node can run, `gateway.js` in this folder, with the sandbox compiled
 * beside it for import from `./compiled/sandbox/`: a gateway that is a process of its own.
 */
export const compileGateway = (folder: string, program: string): void => {
  execFileSync(process.execPath, [
    join(ROOT, "node_modules/typescript/bin/tsc"),
    ...["--ignoreConfig", "--noCheck", "--target", "es2023", "--module", "nodenext"],
    ...["--types", "node", "--rewriteRelativeImportExtensions", "--rootDir", ROOT],
    ...["--outDir", join(folder, "compiled"), `${ROOT}sandbox/openshell.ts`],
  ]);
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(join(folder, "gateway.js"), program);
};
