import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openAuditFile } from "../../../sandbox/audit/audit-file.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { openTestSandbox, SETTINGS } from "../sandbox-fixture.ts";

const AUDIT = { log_all_commands: true, log_network_requests: true, log_file_access: true };

describe("the record of a job under gVisor", async () => {
  const folder = temporaryFolder();
  const open = async () => {
    const file = join(folder.path, "audit.jsonl");
    const log = { warn: () => {} };
    const auditSink = await openAuditFile({ place: { file }, log });
    const test = openTestSandbox("gvisor", {
      auditSink,
      audit: AUDIT,
      execution: { ...SETTINGS.execution, blocked_commands: ["tac"] },
    });
    return {
      ...test,
      async close() {
        await test.close();
        await auditSink.close();
      },
      records: async () => {
        await auditSink.flush();
        const lines = readFileSync(file, "utf8").trimEnd().split("\n");
        return lines.map((line) => JSON.parse(line));
      },
    };
  };
  const probe = openTestSandbox("gvisor");
  const status = await probe.sandbox.status();
  afterAll(probe.close);
  if (!status.ok) console.warn(`gvisor does not work here: ${status.reason}`);

  describe.skipIf(!status.ok && process.env.CI !== "true")("where gVisor works", () => {
    it("has the job's commands, the files it wrote and where it wanted to connect", async () => {
      const { run, close, records } = await open();
      try {
        const result = await run(
          "bash",
          "cp /app/run.sh /tmp/copy\necho x > note.txt\n" +
            "cat < /app/run.sh > /dev/null\n(exec 3<>/dev/tcp/10.1.2.3/443) 2>/dev/null\n" +
            "echo x > $'/tmp/\\xff'\n/bin/true $'\\xfe'\nexit 0",
          { request: { runId: "run-7", tenantId: "acme", origin: { skill: "copy" } } },
        );
        expect(result).toMatchObject({ verdict: "ok" });
        const all = await records();
        for (const record of all) {
          expect(record).toMatchObject({ tenant: "acme", run_id: "run-7", skill: "copy" });
        }
        const of = (event: string) => all.filter((record) => record.event === event);
        expect(all[0]).toMatchObject({ event: "started", coverage: "full" });
        expect(of("exec").map(({ process: { cmd_line } }) => cmd_line)).toEqual(
          expect.arrayContaining(["cp /app/run.sh /tmp/copy", "cat"]),
        );
        const written = of("file_write").map(({ file }) => file.path);
        expect(written).toEqual(expect.arrayContaining(["/tmp/copy", "/workspace/note.txt", ""]));
        expect(of("file_read").map(({ file }) => file.path)).toContain("/app/run.sh");
        expect(of("connect")).toMatchObject([{ dst_endpoint: { ip: "10.1.2.3", port: 443 } }]);
        expect(of("exec").map(({ process: { file } }) => file.name)).toContain("(unnamed)");
        expect(all.at(-1)).toMatchObject({
          event: "ended",
          verdict: "ok",
          dropped: 0,
          suppressed: 0,
          is_trace_broken: false,
        });
      } finally {
        await close();
      }
    });

    it("ends a job at a blocked command that no reading of its text would find", async () => {
      const { run, close, records } = await open();
      try {
        const result = await run(
          "bash",
          "ta$(echo c) /app/run.sh; while :; do :; done; echo still here",
        );
        expect(result).toMatchObject({ verdict: "killed", reason: "policy" });
        expect(result.stdout.toString()).not.toContain("still here");
        const all = await records();
        const commands = all.filter(({ event }) => event === "exec");
        expect(commands.at(-1).process.cmd_line).toBe("tac /app/run.sh");
        expect(all.at(-2)).toMatchObject({ event: "refused", action: "Denied" });
        expect(all.at(-1)).toMatchObject({ event: "ended", verdict: "killed", reason: "policy" });
      } finally {
        await close();
      }
    });

    it("loses nothing of a job that opens files as fast as it can", async () => {
      const { run, close, records } = await open();
      try {
        const result = await run("python", FLOOD);
        expect(result).toMatchObject({ verdict: "ok" });
        const end = (await records()).at(-1);
        expect(end.counts.file_write).toBeGreaterThanOrEqual(3_000);
        expect(end).toMatchObject({ dropped: 0, is_trace_broken: false });
      } finally {
        await close();
      }
    });
  });
});

const FLOOD = `
import os
for index in range(3000):
    os.close(os.open("/tmp/file-%d" % (index % 7), os.O_WRONLY | os.O_CREAT))
`;
