import type { RunRequest, SandboxDriver } from "../driver.ts";
import { SELF_TEST_FAILURES, type Workshop } from "../workshop.ts";

/** Runs a script in a real sandbox that tries the walls. Resolves with what is wrong, if anything. */
export const selfTest = async (
  driver: Pick<SandboxDriver, "prepare" | "dispatch" | "destroy">,
  { selfTestFolder }: Workshop,
): Promise<string | undefined> => {
  const request: RunRequest = {
    runId: "self-test",
    tenantId: "self-test",
    language: "bash",
    origin: {},
    program: { kind: "file", path: "/app/self-test.sh" },
    argv: [],
    stdin: Buffer.alloc(0),
    env: {},
    limits: {
      wallMs: 10_000,
      cpuMs: 10_000,
      memoryBytes: 64 << 20,
      pids: 16,
      diskBytes: 1 << 20,
      outputBytes: 1 << 16,
      files: 1024,
      egressBytesPerSecond: 1,
    },
    readonly: new Map([["/app", selfTestFolder]]),
    egress: "none",
    credentials: [],
  };
  try {
    const slot = await driver.prepare(request);
    try {
      const result = await driver.dispatch(
        slot,
        { request, observe: () => "go on", lost: () => {} },
        new AbortController().signal,
      );
      if (result.verdict === "ok") return undefined;
      const failure = SELF_TEST_FAILURES.get(result.exitCode ?? -1);
      const seen = `${result.verdict} ${result.reason ?? `exit ${result.exitCode}`}`;
      return `self-test: ${failure ?? result.detail ?? seen}`;
    } finally {
      await driver.destroy(slot);
    }
  } catch (error) {
    return `self-test: ${error instanceof Error ? error.message : String(error)}`;
  }
};
