import type { Log } from "../../core/contract/log.ts";

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface RecordedLog extends Log {
  readonly lines: readonly LogLine[];
}

/** Keeps what is logged, so that a test can look for a line or for a secret. */
export const recordedLog = (): RecordedLog => {
  const lines: LogLine[] = [];
  const at = (level: LogLine["level"]) => (fields: object, text: string) => {
    lines.push({ level, fields: { ...fields }, text });
  };
  return { lines, info: at("info"), warn: at("warn"), error: at("error") };
};
