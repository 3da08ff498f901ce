import { ModelError } from "../contract/errors.ts";

/** An answer that is none, or not whole; `message` is ours and safe to show. */
export class UnusableAnswerError extends Error {
  override readonly name = "UnusableAnswerError";
}

// The request itself was wrong, too long or not wanted: another model would be told the same.
const REFUSED_STATUS: ReadonlySet<number> = new Set([400, 413, 422]);

/** Nothing can have been generated before there was a connection. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set(
  "ECONNREFUSED ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH UND_ERR_CONNECT_TIMEOUT".split(" "),
);

/**
 * What went wrong when a model's server was asked. Without `cause`: libraries' errors hold headers
 * and the server's words, which may repeat the key or the user's text, and a logger would print both.
 */
export const failureOf = (cause: unknown, attempt: string): ModelError => {
  const { reason, status, isUnbilled } = lookInto(cause);
  if (cause instanceof ModelError && cause.isFinal) {
    return new ModelError(cause.code, `${attempt} failed: ${reason}`);
  }
  const code = REFUSED_STATUS.has(status) ? "MODEL_REFUSED" : "MODEL_UNAVAILABLE";
  return new ModelError(code, `${attempt} failed: ${reason}`, { isUnbilled });
};

interface Found {
  /** Status, or system error code, or our own words; never the server's. */
  readonly reason: string;
  /** Of HTTP; 0 = there was none. */
  readonly status: number;
  readonly isUnbilled: boolean;
}

const lookInto = (cause: unknown): Found => {
  const found = (reason: string, isUnbilled = false, status = 0) => ({
    reason,
    isUnbilled,
    status,
  });
  for (let error = cause, depth = 0; error instanceof Error && depth < 6; depth++) {
    if (error instanceof UnusableAnswerError || error instanceof ModelError) {
      return found(error.message);
    }
    if ("status" in error && typeof error.status === "number") {
      return found(`HTTP ${error.status}`, true, error.status);
    }
    if ("code" in error && typeof error.code === "string" && /^[A-Z][A-Z0-9_]+$/.test(error.code)) {
      return found(error.code, NEVER_CONNECTED.has(error.code));
    }
    if (error.name === "ZodError" || error.name === "SyntaxError") {
      return found("an answer that is none");
    }
    if (error.cause === undefined) break;
    error = error.cause;
  }
  return found("no connection, or it broke");
};
