import { join } from "node:path";
import type { Settings } from "../config/schema.ts";
import { packageRoot } from "./package-root.ts";

/** Where the skills of these settings come from. */
export const skillFolders = ({ skills }: Pick<Settings, "skills">): readonly string[] =>
  skills.folders ?? [join(packageRoot, "skills", "bundled")];
