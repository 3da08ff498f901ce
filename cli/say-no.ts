import type { Io } from "./io.ts";

/** Whether an answer, and what is wrong with the question, is for a program to read. */
export interface Readable {
  readonly json?: boolean | undefined;
}

/**
 * Says why it is not done: to a person on stderr, to a program as `{"ok":false,"error":{…}}` on stdout.
 * Returns the exit code: 1 unless it is misuse, 2. `more` are further fields of the error.
 */
export const sayNo = (
  io: Io,
  { json }: Readable,
  code: string,
  message: string,
  more: object = {},
): number => {
  if (json) {
    io.stdout.write(`${JSON.stringify({ ok: false, error: { code, message, ...more } })}\n`);
  } else io.stderr.write(`clawgate: ${message}\n`);
  return code === MISUSE ? 2 : 1;
};

/** The code of what cannot be asked like this at all. */
export const MISUSE = "MISUSE";
