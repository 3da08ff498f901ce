/** What `doctor` found of one thing. */
export interface Finding {
  readonly check: string;
  /** `unknown` = could not be judged from here; it fails nothing. */
  readonly state: "ok" | "bad" | "unknown";
  /** One line or several. */
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export const ok = (check: string, text: string): Finding => ({ check, state: "ok", text });

export const bad = (check: string, text: string, remedy: string): Finding => ({
  check,
  state: "bad",
  text,
  remedy,
});

export const unknown = (check: string, text: string, remedy?: string): Finding => ({
  check,
  state: "unknown",
  text,
  ...(remedy !== undefined && { remedy }),
});
