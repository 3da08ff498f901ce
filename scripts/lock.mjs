import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { dirname } from "node:path";

/**
 * Runs `work` while no other process holds the lock file; waits for a holder that lives, and takes
 * over from one that died.
 */
export const withLock = async (file, work) => {
  mkdirSync(dirname(file), { recursive: true });
  for (let tries = 0; !take(file); tries++) {
    if (tries === 20) console.log("set-up: waiting for another one that is under way …");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
};

const take = (file) => {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, file); // unlike creating and then writing, this shows others no empty lock
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (isAbandoned(file)) rmSync(file, { force: true });
    return false;
  } finally {
    rmSync(own, { force: true });
  }
};

const isAbandoned = (file) => {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    const isOlderThanBoot = statSync(file).mtimeMs < Date.now() - uptime() * 1000;
    if (isOlderThanBoot || pid === process.pid || !(pid > 0)) return true;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
};
