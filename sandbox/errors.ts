/** The sandbox itself could not do its work: a fault of the machine or an engine, never of a job. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
}
