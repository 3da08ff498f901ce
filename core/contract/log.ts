/** Structured logging, as far as the parts need it; pino's logger is one. Never a secret or user text. */
export interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  /** A stable `alert` field marks what somebody must look at. */
  error(fields: object, text: string): void;
}
