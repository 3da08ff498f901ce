import type { Observation } from "../../driver.ts";

// [1775014132.118] [sandbox] [OCSF ] [ocsf] NET:OPEN [INFO] ALLOWED /usr/bin/curl(58) -> example.com:443 [policy:…]
const CONNECTION =
  /^\[(\d{1,12}\.\d{3})\] \[sandbox\s*\] \[OCSF\s*\] \[\w+\] NET:OPEN \[\w+\] \w+ \S*?\((\d{1,10})\) -> (\S{1,300}):(\d{1,5})(?: |$)/;

/**
 * The connections that a sandbox's log tells of, allowed and denied; all other lines are left out.
 * @see https://github.com/NVIDIA/OpenShell/blob/main/docs/observability/accessing-logs.mdx
 */
export const parseConnections = (log: string): readonly Observation[] =>
  log.split("\n").flatMap((line): Observation[] => {
    const [, seconds, pid, to, port] = CONNECTION.exec(line) ?? [];
    if (to === undefined) return [];
    const at = new Date(Number(seconds) * 1000);
    return [{ kind: "connect", at, pid: Number(pid), to, port: Number(port) }];
  });
