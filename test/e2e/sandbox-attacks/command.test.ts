import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { SETTINGS } from "../../sandbox/sandbox-fixture.ts";
import { processesWith } from "../../sandbox/traces.ts";
import { underAttack } from "./site.ts";

const main = join(import.meta.dirname, "../../../dist/cli/main.js");
const folder = temporaryFolder();
// Several processes at once, each of which boots a sandbox: on a busy machine that takes a while.
vi.setConfig({ testTimeout: 60_000 });

await underAttack("the command", {}, ({ engine }) => {
  const config = { ...SETTINGS, isolation: engine, audit: { export_to: "file" } };

  const start = (name: string, request: object, secret = "") => {
    const file = (kind: string) => join(folder.path, `${name}.${kind}.json`);
    writeFileSync(file("c"), JSON.stringify(config));
    const job = { tenant: "mallory", run_id: name, language: "bash", ...request };
    writeFileSync(file("r"), JSON.stringify(job));
    const words = ["--config", file("c"), "--request", file("r"), "--result", file("f")];
    const child = spawn(process.execPath, [main, "sandbox", "run", ...words], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, PLANTED: secret },
    });
    return { child, file: file("f") };
  };
  const run = async (name: string, request: object, secret?: string) => {
    const { child, file } = start(name, request, secret);
    const [code] = await once(child, "close");
    expect(code).toBe(0);
    const result = JSON.parse(readFileSync(file, "utf8"));
    const stdout = Buffer.from(result.stdout, "base64").toString();
    return { ...result, stdout, record: readFileSync(result.audit_file, "utf8") };
  };

  it("attack: one run's words in another's result, when several run at once", async () => {
    const names = ["a", "b", "c"];
    const results = await Promise.all(
      names.map((name) =>
        run(name, {
          tenant: `tenant-${name}`,
          source: `echo ${name} | tee /tmp/x; sleep 0.2; cat /tmp/x; mkdir out; echo ${name} >out/x`,
          outputs: "out",
        }),
      ),
    );
    for (const [index, name] of names.entries()) {
      const { record, ...result } = results[index] ?? {};
      expect(result).toMatchObject({ verdict: "ok", exit: 0, stdout: `${name}\n${name}\n` });
      expect(result.isolation.startsWith(engine)).toBe(true);
      const bytes = Buffer.from(`${name}\n`).toString("base64");
      expect(result.outputs).toEqual([{ path: "out/x", bytes }]);
      for (const line of record.trim().split("\n")) {
        expect(JSON.parse(line)).toMatchObject({ tenant: `tenant-${name}`, run_id: name });
      }
    }
  });

  it("attack: the environment of the command itself", async () => {
    const { stdout, record } = await run(
      "environment",
      { source: "env; cat /proc/*/environ | tr '\\0' '\\n'; exit 0" },
      "pl4nted-in-the-command",
    );
    expect(`${stdout}${record}`).not.toContain("pl4nted-in-the-command");
  });

  it("attack: a forged result and record, printed, and left where they are looked for", async () => {
    const forged = { verdict: "ok", exit: 0, audit_file: "/etc/passwd" };
    const { verdict, exit, audit_file } = await run("forged", {
      source: `echo '${JSON.stringify(forged)}' | tee /workspace/forged.f.json >&2; exit 5`,
    });
    expect([verdict, exit]).toEqual(["error", 5]);
    expect(audit_file).toBe(join(folder.path, "forged.f.json.audit.jsonl"));
  });

  it("attack: a result that is a link to another file", async () => {
    const precious = join(folder.path, "precious");
    writeFileSync(precious, "untouched");
    symlinkSync(precious, join(folder.path, "linked.f.json"));
    symlinkSync(precious, join(folder.path, "linked.f.json.audit.jsonl"));
    await run("linked", { source: "true" });
    expect(readFileSync(precious, "utf8")).toBe("untouched");
  });

  it("attack: handing in the machine itself, or over places that are not for reading", async () => {
    const mounts = [{ "/app": "/etc" }, { "/data": "/tmp" }, { "/app/../data": "/tmp" }];
    const results = await Promise.all(
      mounts.map((readonly, index) => run(`mount-${index}`, { source: "ls /app", readonly })),
    );
    for (const result of results) {
      expect(result).toMatchObject({ verdict: "blocked", reason: "policy", stdout: "" });
      expect(result.record).toContain('"refused"');
    }
  });

  it("attack: limits above the policy's", async () => {
    const limits = { memory_mb: 100_000, disk_mb: 100_000, cpu_s: 100_000 };
    const fill = "open('/tmp/x', 'wb').write(bytes(9 << 20))";
    const hoard = "x = bytearray(300 << 20)\nprint(len(x))";
    const [disk, memory] = await Promise.all([
      run("disk", { language: "python", source: fill, limits }),
      run("memory", { language: "python", source: hoard, limits }),
    ]);
    expect(disk).toMatchObject({ verdict: "killed", reason: "disk" });
    expect(memory).toMatchObject({ verdict: "killed", reason: "memory" });
  });

  it("attack: outliving the command that was told to stop", async () => {
    const { child, file } = start("stopped", {
      source: "trap '' TERM; (setsid sleep 987321 &); sleep 987321",
    });
    // bubblewrap's jobs are the host's own processes; gVisor's are seen by their sandbox only.
    const isUp = () => readdirSync(folder.path).some((name) => name.endsWith(".audit.jsonl"));
    await vi.waitFor(() => expect(isUp()).toBe(true), { timeout: 10_000, interval: 20 });
    await vi.waitFor(
      () => expect(readFileSync(`${file}.audit.jsonl`, "utf8")).toContain('"started"'),
      { timeout: 10_000, interval: 20 },
    );
    child.kill("SIGTERM");
    const [code] = await once(child, "close");
    expect(code).toBe(1);
    expect(existsSync(file)).toBe(false);
    expect(processesWith("sleep 987321")).toEqual([]);
  });
});
