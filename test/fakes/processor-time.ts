/**
 * How long the processor worked on `run`, in milliseconds. Unlike time on the clock, hardly more on a
 * machine that is busy with something else.
 */
export const processorMs = (run: () => void): number => {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};
