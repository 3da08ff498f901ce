import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mirrorFromIndexTargets, mirrorFromSources, sourcesFor } from "./debian-sources.mjs";
import { findOnPath, isExecutable, run } from "./run.mjs";

/** The oldest release that runs today's C libraries without EINVAL, as a date. */
export const OLDEST_RUNSC = 20240729;
// The Debian suite that carries it; the binary is static and runs on older Debians too.
const SUITE = "trixie";

const enginePath = (root) => join(root, ".engines", "usr", "bin", "runsc");

/** The release date in the output of `runsc --version` as a number, e.g. 20240729; 0 when there is none. */
export const runscRelease = (text) => Number(text.match(/runsc version \S*?(\d{8})/)?.[1] ?? 0);

/** Whether a gVisor that is new enough is beside the project or on PATH. */
export const isGvisorInstalled = (root) => {
  if (isExecutable(enginePath(root))) return true;
  const onPath = findOnPath("runsc");
  if (onPath === undefined) return false;
  try {
    return runscRelease(run(onPath, ["--version"])) >= OLDEST_RUNSC;
  } catch {
    return false;
  }
};

/**
 * Puts runsc into <root>/.engines with a private apt state that knows only one newer suite on the
 * machine's own mirror: the machine's package sources and lists stay as they are. Needs no root.
 */
export const installGvisor = (root) => {
  if (findOnPath("apt-get") === undefined) {
    throw new Error("no apt-get here: put gVisor's runsc on PATH (https://gvisor.dev/docs/)");
  }
  const folder = mkdtempSync(join(tmpdir(), "clawgate-apt-"));
  try {
    chmodSync(folder, 0o755); // apt downloads as its own user
    const sources = join(folder, "debian.sources");
    writeFileSync(sources, sourcesFor(findMirror(), SUITE));
    mkdirSync(join(folder, "lists", "partial"), { recursive: true });
    mkdirSync(join(folder, "cache", "archives", "partial"), { recursive: true });
    const apt = (...args) =>
      run("apt-get", [...privateState(folder, sources), ...args], { cwd: folder });
    apt("update");
    apt("download", "runsc");
    const archive = readdirSync(folder).find((name) => name.endsWith(".deb"));
    if (archive === undefined) throw new Error("apt-get download runsc left no .deb");
    run("dpkg-deb", ["-x", archive, "unpacked"], { cwd: folder });
    put(join(folder, "unpacked", "usr", "bin", "runsc"), root);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const privateState = (folder, sources) =>
  [
    `Dir::Etc::sourcelist=${sources}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${folder}/lists`,
    `Dir::Cache=${folder}/cache`,
    "Acquire::Languages=none",
    "Acquire::Retries=2",
  ].flatMap((option) => ["-o", option]);

const findMirror = () => {
  const mirror =
    mirrorFromSources(readIfThere("/etc/apt/sources.list.d/debian.sources")) ??
    mirrorFromIndexTargets(
      run("apt-get", [
        "indextargets",
        "--format",
        "$(REPO_URI) $(SIGNED_BY)",
        "Created-By: Packages",
      ]),
    );
  if (mirror === undefined) throw new Error("apt knows no Debian mirror");
  return mirror;
};

const readIfThere = (file) => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

/** Verified first, then renamed into place: what is there always works. */
const put = (binary, root) => {
  const target = enginePath(root);
  const fresh = `${target}.${process.pid}`;
  mkdirSync(join(target, ".."), { recursive: true });
  try {
    run("cp", [binary, fresh]); // the temporary folder may be another file system
    chmodSync(fresh, 0o755);
    const release = runscRelease(run(fresh, ["--version"]));
    if (release < OLDEST_RUNSC) throw new Error(`the mirror's runsc is of ${release}, too old`);
    renameSync(fresh, target);
  } finally {
    rmSync(fresh, { force: true });
  }
};
