import { findOnPath, isExecutable, run } from "./run.mjs";

// The sandbox calls these by absolute path, whatever else is on PATH.
const FILES = {
  bubblewrap: "/usr/bin/bwrap",
  python3: "/usr/bin/python3",
  socat: "/usr/bin/socat",
};

/** Names of the Debian packages that the sandbox needs and this machine lacks. */
export const missingPackages = () =>
  Object.keys(FILES).filter((name) => !isExecutable(FILES[name]));

/** The one line that a person without root has to paste. */
export const installLine = (packages) => `sudo apt-get install -y ${packages.join(" ")}`;

/** Installs packages with apt, as root or through a sudo that asks nothing. Throws when neither works. */
export const installPackages = (packages) => {
  if (findOnPath("apt-get") === undefined) {
    throw new Error(`no apt-get here: install ${packages.join(", ")} with this system's own tool`);
  }
  const prefix = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const apt = (...args) => {
    const line = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
    run(line[0], line.slice(1));
  };
  if (prefix.length > 0) run("sudo", ["-n", "true"]);
  const wait = ["-o", "DPkg::Lock::Timeout=120"];
  try {
    apt(...wait, "install", "-y", "--no-install-recommends", ...packages);
  } catch {
    // The usual cause is a package list that is empty (a new image) or too old.
    apt(...wait, "update");
    apt(...wait, "install", "-y", "--no-install-recommends", ...packages);
  }
};
