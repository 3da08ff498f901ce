import { findOnPath, isExecutable, run } from "./run.mjs";
import { postgresFolder, redisServer } from "./servers.mjs";

const IS_INSTALLED = {
  // The sandbox calls these by absolute path, whatever else is on PATH.
  bubblewrap: () => isExecutable("/usr/bin/bwrap"),
  python3: () => isExecutable("/usr/bin/python3"),
  socat: () => isExecutable("/usr/bin/socat"),
  postgresql: () => postgresFolder() !== undefined,
  "redis-server": () => redisServer() !== undefined,
};

/** Debian packages that the sandbox needs. */
export const SANDBOX_PACKAGES = ["bubblewrap", "python3", "socat"];

/** Debian packages of the servers that tests start for themselves; the name is the service's too. */
export const SERVER_PACKAGES = ["postgresql", "redis-server"];

/** Those of the packages that this machine lacks. */
export const missingPackages = (packages) => packages.filter((name) => !IS_INSTALLED[name]());

/** The one line that a person without root has to paste. */
export const installLine = (packages) => `sudo apt-get install -y ${packages.join(" ")}`;

/** Installs packages with apt, as root or through a sudo that asks nothing. Throws when neither works. */
export const installPackages = (packages) => {
  if (findOnPath("apt-get") === undefined) {
    throw new Error(`no apt-get here: install ${packages.join(", ")} with this system's own tool`);
  }
  const apt = (...args) => asRoot("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args);
  if (!isRoot()) asRoot("true");
  const wait = ["-o", "DPkg::Lock::Timeout=120"];
  try {
    apt(...wait, "install", "-y", "--no-install-recommends", ...packages);
  } catch {
    // The usual cause is a package list that is empty (a new image) or too old.
    apt(...wait, "update");
    apt(...wait, "install", "-y", "--no-install-recommends", ...packages);
  }
};

/**
 * Installs packages of servers that were not here before, and stops the services that Debian starts
 * with them, now and at boot: tests start servers of their own.
 */
export const installServers = (packages) => {
  installPackages(packages);
  for (const service of packages) {
    asRoot("service", service, "stop");
    asRoot("update-rc.d", service, "disable");
  }
};

const isRoot = () => process.getuid?.() === 0;

const asRoot = (...line) => {
  const [command, ...args] = isRoot() ? line : ["sudo", "-n", ...line];
  return run(command, args);
};
