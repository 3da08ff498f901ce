import type { Log } from "../../core/contract/log.ts";

export interface RecordedLog extends Log {
  readonly lines: { readonly level: string; readonly fields: object; readonly text: string }[];
}

/** Keeps what is logged, so that a test can look for a line or for a secret. */
export const recordedLog = (): RecordedLog => {
  const lines: RecordedLog["lines"] = [];
  const at = (level: string) => (fields: object, text: string) => {
    lines.push({ level, fields, text });
  };
  return { lines, info: at("info"), warn: at("warn"), error: at("error") };
};
