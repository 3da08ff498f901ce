/** Kills a process, if it still lives. */
export const killProcess = (pid: number): void => {
  try {
    // 0 is a process of another pid namespace, and to kill(2) it would mean our own group.
    if (pid > 0) process.kill(pid, "SIGKILL");
  } catch {
    // Already gone.
  }
};
