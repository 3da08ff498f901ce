/** The sandbox itself could not do its work: a fault of the machine or an engine, never of a job. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
}

/** What a fault says, for an operator. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
