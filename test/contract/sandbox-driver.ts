import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { EngineName, RunRequest, RunResult } from "../../sandbox/driver.ts";
import type { SandboxOptions } from "../../sandbox/options.ts";
import { openTestSandbox } from "../sandbox/sandbox-fixture.ts";
import {
  mountsWith,
  ownCgroupAgeMs,
  ownCgroups,
  ownProcesses,
  processesWith,
} from "../sandbox/traces.ts";

const text = (result: RunResult) => result.stdout.toString();
const MIB = 1 << 20;

const ENGINE_PROCESS: Readonly<Record<EngineName, RegExp>> = {
  gvisor: / boot .*--spec-fd/,
  bubblewrap: /bwrap --args/,
  firecracker: /firecracker --id=/,
  openshell: /openshell sandbox exec/,
};

// The first thread ends alone, and so does the first process of a namespace within; what a thread then
// writes through memory, and tells no one of, is there all the same.
const OUTLIVED = `
import ctypes, mmap, os, platform, subprocess, threading, time
def last():
    while main.is_alive() and open("/proc/self/stat").read().split(") ")[1][0] not in "ZX":
        if time.monotonic() > end: break
    try: subprocess.run(["unshare", "-Upf", "true"], stderr=subprocess.DEVNULL)
    except OSError: pass
    os.mkdir("out")
    with open("out/late", "w+b") as file:
        file.truncate(100_000)
        mmap.mmap(file.fileno(), 0)[99_990:] = b"x" * 10
    os.write(1, b"still here\\n")
    os._exit(7)
main, end = threading.main_thread(), time.monotonic() + 0.3
threading.Thread(target=last).start()
ctypes.CDLL(None).syscall(60 if platform.machine() == "x86_64" else 93, 0)
`;

import { eventually } from "../fakes/eventually.ts";
import { undisturbed } from "../fakes/undisturbed.ts";

/** What every engine has to do, tried with the engine itself, or with what stands in for it. */
export const describeSandboxDriver = async (
  engine: EngineName,
  options: Partial<SandboxOptions> = {},
): Promise<void> => {
  // Secrets of the gateway that must not get through; read by nothing but the test below.
  process.env.CLAWGATE_TEST_SECRET = "s3cret-of-the-gateway";
  const isWarm = (options.warmPool ?? "off") !== "off";
  const opened = openTestSandbox(engine, options, { isPrimed: isWarm });
  const { sandbox, run, folder, stateFolder, close } = opened;
  // The pool boots another one behind each run.
  const waiting = isWarm ? 1 : 0;
  // A file system on a drive keeps its books where the files are.
  const booksBytes = engine === "firecracker" ? 8192 : 0;
  const status = await sandbox.status();
  const isAbsent = !status.ok && process.env.CI !== "true";
  // What an engine says that it cannot hold is not asked of it.
  const unheld = (path: string) =>
    status.ok && status.strength.unenforced.includes(`openshell.${path}`);
  const hasNo = {
    cpu: unheld("execution.max_cpu_seconds"),
    memory: unheld("execution.max_memory_mb"),
    disk: unheld("filesystem.max_size_gb"),
  };
  // Its sandboxes and their users are on another machine, in groups of processes of its own.
  const isElsewhere = engine === "openshell";
  if (!status.ok) console.warn(`${engine} does not work here: ${status.reason}`);
  afterAll(close);

  describe.skipIf(isAbsent)(`the ${isWarm ? "warm" : "cold"} ${engine} sandbox`, () => {
    it("passes its self-test", () => {
      expect(status).toMatchObject({ ok: true, engine });
    });

    describe("runs a job", () => {
      it("gives it arguments and standard input, and returns both outputs byte for byte", async () => {
        const stdin = Buffer.from([0, 255, 10, 128, 65]);
        const result = await run(
          "python",
          "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read() + sys.argv[1].encode())\n" +
            "sys.stderr.write('note')",
          { request: { stdin, argv: ["an argument; $(true) 'ü'"] } },
        );
        expect(result).toMatchObject({ verdict: "ok", exitCode: 0 });
        expect(result.stdout).toEqual(
          Buffer.concat([stdin, Buffer.from("an argument; $(true) 'ü'")]),
        );
        expect(result.stderr.toString()).toBe("note");
      });

      it("runs bash and javascript too", async () => {
        const bash = await run("bash", "echo from $BASH_VERSION");
        const javascript = await run("javascript", "console.log('from', process.version)");
        expect(text(bash)).toMatch(/^from 5/);
        expect(text(javascript)).toMatch(/^from v\d+/);
      });

      it("reports the job's own exit code as an error and not as a kill", async () => {
        const result = await run("bash", "exit 7");
        expect(result).toMatchObject({ verdict: "error", exitCode: 7 });
        expect(result).not.toHaveProperty("signal");
      });

      it("reports the signal that a job died by", async () => {
        expect(await run("bash", "kill -9 $$")).toMatchObject({
          ...{ verdict: "error", exitCode: 137, signal: 9 },
        });
        expect(await run("python", "import os; os.abort()")).toMatchObject({
          ...{ verdict: "error", exitCode: 134, signal: 6 },
        });
      });

      it.each([
        [
          "python",
          "import sys, os\nprint(__name__, sys.argv[1:], os.path.dirname(sys.argv[0]) == os.path.dirname(__file__), input())",
          "__main__ ['a', ''] True typed\n",
        ],
        [
          "javascript",
          "console.log(require.main === module, process.argv.slice(2), require('fs').readFileSync(0, 'utf8'))",
          "true [ 'a', '' ] typed\n",
        ],
        ["bash", 'read -r line; echo "$# [$1] [$2] $line $BASH_SUBSHELL"', "2 [a] [] typed 0\n"],
      ] as const)("runs %s source that is no file", async (language, text, output) => {
        const program = { kind: "source", text } as const;
        const stdin = Buffer.from("typed");
        const result = await run(language, "", { request: { program, stdin, argv: ["a", ""] } });
        expect(result.stderr.toString()).toBe("");
        expect(result.stdout.toString()).toBe(output);
      });

      it("runs a file as its interpreter would: its neighbours can be imported", async () => {
        const app = folder();
        chmodSync(app, 0o755);
        const files = {
          "lib.py": "word = 'python'",
          "main.py": "import lib, __main__\nprint(lib.word, __file__, __main__.__file__)",
          "lib.cjs": "module.exports = 'common';",
          "main.cjs": "console.log(require('./lib.cjs'), __filename);",
          "lib.mjs": "export default 'module';",
          "main.mjs":
            "import word from './lib.mjs';\nconsole.log(await word, import.meta.url, process.argv[1]);",
          "lib.sh": "word=bash",
          "main.sh":
            '. "$(dirname "$0")/lib.sh"; echo "$word $0 $BASH_SOURCE"; return 2>/dev/null || exit 3',
        };
        for (const [name, text] of Object.entries(files)) writeFileSync(join(app, name), text);
        const start = async (language: "python" | "javascript" | "bash", name: string) => {
          const program = { kind: "file", path: `/app/${name}` } as const;
          return run(language, "", { request: { program, readonly: new Map([["/app", app]]) } });
        };
        expect(text(await start("python", "main.py"))).toBe("python /app/main.py /app/main.py\n");
        expect(text(await start("javascript", "main.cjs"))).toBe("common /app/main.cjs\n");
        expect(text(await start("javascript", "main.mjs"))).toBe(
          "module file:///app/main.mjs /app/main.mjs\n",
        );
        const bash = await start("bash", "main.sh");
        expect(text(bash)).toBe("bash /app/main.sh /app/main.sh\n");
        expect(bash.exitCode).toBe(3); // not sourced, run
      });

      it("shows a job's mistake without a word of how it was started", async () => {
        const python = await run("python", "def f(): raise ValueError('mine')\nf()");
        expect(python).toMatchObject({ verdict: "error", exitCode: 1 });
        expect(python.stderr.toString()).toMatch(/^Traceback .*\n {2}File "\/app\/run.py", line 2/);
        expect(python.stderr.toString()).not.toContain("launcher");
        const wrong = await run("python", "x = (");
        expect(wrong.stderr.toString()).toMatch(/^ {2}File "\/app\/run.py", line 1\n/);
        const javascript = await run("javascript", "throw new Error('mine')");
        expect(javascript.exitCode).toBe(1);
        expect(javascript.stderr.toString()).toMatch(/^\/app\/run.js:1\n/);
      });

      it("gives it the environment that was asked for and nothing else", async () => {
        const env = { GREETING: "two\nlines", LANG: "x", EMPTY: "", _A1: "a=b" };
        const result = await run("python", "import os; print(sorted(os.environ.items()))", {
          request: { env },
        });
        // Python itself adds this where it starts under a locale that is none.
        expect(text(result).replace("('LC_CTYPE', 'C.UTF-8'), ", "")).toBe(
          "[('EMPTY', ''), ('GREETING', 'two\\nlines'), ('HOME', '/workspace'), ('LANG', 'x'), " +
            "('PATH', '/usr/bin:/bin'), ('_A1', 'a=b')]\n",
        );
        const bash = await run("bash", "env -0 | sort -z | tr '\\0\\n' ';/'", { request: { env } });
        expect(text(bash)).toMatch(
          /^EMPTY=;GREETING=two\/lines;HOME=\/workspace;LANG=x;PATH=\/usr\/bin:\/bin;PWD=\/workspace;SHLVL=\d;_=\/usr\/bin\/env;_A1=a=b;$/,
        );
        const javascript = await run("javascript", "console.log(Object.keys(process.env).sort())", {
          request: { env },
        });
        expect(text(javascript)).toBe("[ 'EMPTY', 'GREETING', 'HOME', 'LANG', 'PATH', '_A1' ]\n");
      });

      it("brings back what it left in its outputs folder", async () => {
        const result = await run(
          "bash",
          "mkdir out; printf made >out/file; ln -s /etc/passwd out/link",
          {
            request: { outputs: "out" },
          },
        );
        expect(result.outputs).toEqual([{ path: "out/file", bytes: Buffer.from("made") }]);
      });

      it("lets it run as long as a thread of it does, and takes what that wrote last", async () => {
        const result = await run("python", OUTLIVED, { request: { outputs: "out" } });
        expect(result.stderr.toString()).toBe("");
        expect(result).toMatchObject({ verdict: "error", exitCode: 7 });
        expect(text(result)).toBe("still here\n");
        const bytes = Buffer.concat([Buffer.alloc(99_990), Buffer.from("x".repeat(10))]);
        expect(result.outputs).toEqual([{ path: "out/late", bytes }]);
      });

      it("lets it open its outputs again by name", async () => {
        const source =
          "echo a >/dev/stdout; echo b >/dev/stderr; echo c | tee /dev/stderr; cat /dev/stdin";
        const result = await run("bash", source, { request: { stdin: Buffer.from("in") } });
        expect(text(result)).toBe("a\nc\nin");
        expect(result.stderr.toString()).toBe("b\nc\n");
      });

      it("does not mind a job that leaves its input unread", async () => {
        const result = await run("bash", "exit 0", { request: { stdin: Buffer.alloc(4 * MIB) } });
        expect(result.verdict).toBe("ok");
      });

      it.skipIf(hasNo.cpu)("measures time and memory", async () => {
        const { usage } = await run(
          "python",
          "x = bytearray(20 << 20)\nfor _ in range(2000000): pass",
        );
        expect(usage.cpuMs).toBeGreaterThan(10);
        expect(usage.wallMs).toBeGreaterThan(10);
        expect(usage.peakMemoryBytes).toBeGreaterThan(20 * MIB);
      });

      it("runs a job whose folder lies where the job's user could not walk, as below /root", async () => {
        const app = join(folder(), "closed", "app");
        mkdirSync(app, { recursive: true, mode: 0o700 });
        chmodSync(app, 0o755);
        writeFileSync(join(app, "run.sh"), "cat /app/data");
        writeFileSync(join(app, "data"), "found");
        const result = await run("bash", "", { request: { readonly: new Map([["/app", app]]) } });
        expect(text(result)).toBe("found");
      });

      it.skipIf(isElsewhere)(
        "gives the same tenant the same user, another tenant another, and never root",
        async () => {
          const uid = async (tenantId: string) =>
            Number(text(await run("bash", "id -u", { request: { tenantId } })));
          const [acme, again, globex] = [await uid("acme"), await uid("acme"), await uid("globex")];
          expect(acme).toBe(again);
          expect(acme).not.toBe(globex);
          expect(Math.min(acme, globex)).toBeGreaterThan(10_000);
        },
      );

      // Each at once with its own waiting sandbox would need room for as many.
      it.skipIf(isWarm)("runs several at once and mixes nothing up", async () => {
        const results = await Promise.all(
          ["a", "b", "c", "d"].map((word) =>
            run("bash", `echo ${word} >/tmp/x; read -t 0.2; cat /tmp/x; ls /tmp`),
          ),
        );
        expect(results.map(text)).toEqual(["a\nx\n", "b\nx\n", "c\nx\n", "d\nx\n"]);
      });
    });

    describe("ends a job at its limits", () => {
      it("wall clock, which does not count the boot", async () => {
        const within = (source: string) =>
          undisturbed(() => run("bash", source, { limits: { wallMs: 200 } }));
        const result = await within("sleep 30");
        expect(result).toMatchObject({ verdict: "killed", reason: "wall" });
        expect(result.usage.wallMs).toBeGreaterThanOrEqual(200);
        expect(result.usage.wallMs).toBeLessThan(1000);
        expect(await within("true")).toMatchObject({ verdict: "ok" });
      });

      it("wall clock of a job that ignores every signal", async () => {
        const source =
          "import signal, time\nfor n in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(n, signal.SIG_IGN)\n" +
          "print('up', flush=True)\ntime.sleep(60)";
        const result = await run("python", source, { limits: { wallMs: 700 } });
        expect(result).toMatchObject({ verdict: "killed", reason: "wall" });
        expect(text(result)).toBe("up\n");
      });

      it.skipIf(hasNo.cpu)(
        "processor time over the whole process tree, also of processes that detached",
        async () => {
          const spin =
            "(while :; do :; done) &\nsetsid bash -c 'while :; do :; done' &\nwait; sleep 60";
          const result = await run("bash", spin, { limits: { cpuMs: 2000 } });
          expect(result).toMatchObject({ verdict: "killed", reason: "cpu" });
          expect(result.usage.cpuMs).toBeLessThan(4000);
        },
      );

      it.skipIf(hasNo.memory).each([
        ["python", "x = []\nwhile True: x.append(bytearray(1 << 20))"],
        ["javascript", "const x = []; for (;;) x.push(Buffer.alloc(1 << 20, 1));"],
        ["bash", "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"],
      ] as const)("memory, as a %s bomb takes it", async (language, source) => {
        const result = await run(language, source);
        expect(result).toMatchObject({ verdict: "killed", reason: "memory" });
        expect(result.usage.wallMs).toBeLessThan(10_000);
      });

      it.skipIf(hasNo.memory)("memory over the whole process tree", async () => {
        const source =
          "import os, time\nfor _ in range(4):\n  if os.fork() == 0:\n" +
          "    x = bytearray(40 << 20)\n    time.sleep(60)\ntime.sleep(60)";
        expect(await run("python", source)).toMatchObject({ verdict: "killed", reason: "memory" });
      });

      it.skipIf(isElsewhere)(
        "processes: a fork bomb fails in itself and nothing survives",
        async () => {
          const result = await run(
            "python",
            "import os\nn = 0\ntry:\n  while True:\n    if os.fork() == 0:\n      import time; time.sleep(60)\n" +
              "    n += 1\nexcept OSError as e:\n  print(n, e.errno)",
            { limits: { pids: 20 } },
          );
          const [forks, errno] = text(result).split(" ").map(Number);
          expect(errno).toBe(11); // EAGAIN
          expect(forks).toBeLessThan(20);
          await eventually(() => expect(new Set(ownCgroups()).size).toBe(waiting));
        },
      );

      it("files: a job may make thousands", async () => {
        const source =
          "import os\nfor n in range(5000):\n  open(f'/tmp/{n}', 'w').close()\n" +
          "print(sum(1 for name in os.listdir('/tmp') if os.stat('/tmp/' + name).st_size == 0))";
        expect(text(await run("python", source))).toBe("5000\n");
      });

      it.skipIf(isElsewhere).each([
        ["bash", "bomb() { bomb | bomb & }; bomb; sleep 60"],
        [
          "python",
          "import os, time\nwhile True:\n  try:\n    if os.fork() == 0: pass\n  except OSError: time.sleep(0.01)",
        ],
      ] as const)("processes: a %s fork bomb is ended soon", async (language, source) => {
        const result = await run(language, source, { limits: { pids: 20 } });
        expect(result).toMatchObject({ verdict: "killed", reason: "pids" });
        expect(result.usage.wallMs).toBeLessThan(6_000);
      });

      it.skipIf(isElsewhere)("processes: a fork bomb is over when the job leaves it", async () => {
        const result = await run("bash", ":(){ :|:& };:; wait", { limits: { pids: 20 } });
        // Whether it is refused often enough in that short time to be called one is its own affair.
        expect(result.reason ?? "pids").toBe("pids");
        expect(result.usage.wallMs).toBeLessThan(6_000);
        await eventually(() => expect(new Set(ownCgroups()).size).toBe(waiting));
      });

      it.skipIf(isElsewhere)("processes: a job that fails for want of one is told so", async () => {
        const source = "import os, time\nwhile True:\n  if os.fork() == 0: time.sleep(60)";
        const result = await run("python", source, { limits: { pids: 20 } });
        expect(result).toMatchObject({ verdict: "killed", reason: "pids", exitCode: 1 });
      });

      it.skipIf(isElsewhere)(
        "processes: a javascript job has as many as it may, beside its interpreter's own threads",
        async () => {
          // Reading a file starts the last of those threads.
          const source =
            "const { execFile } = require('child_process');\nlet n = 1;\nconst more = () =>\n" +
            "  execFile('/bin/sleep', ['60']).on('error', (e) => { console.log(n, e.code); process.exit(0); })\n" +
            "    .on('spawn', () => { n++; more(); });\n" +
            "require('fs').promises.readFile(__filename).then(more);";
          for (const pids of [1, 5]) {
            const result = await run("javascript", source, { limits: { pids } });
            expect(result).toMatchObject({ verdict: "ok" });
            expect(text(result)).toBe(`${pids} EAGAIN\n`);
          }
        },
      );

      it.each([
        ["stdout", ""],
        ["stderr", ">&2"],
      ])("output on %s: keeps what fits and kills", async (stream, redirect) => {
        const result = await run("bash", `yes ${redirect}`, { limits: { outputBytes: 100_000 } });
        expect(result).toMatchObject({ verdict: "killed", reason: "output" });
        const { stdout, stderr } = result;
        expect((stream === "stdout" ? stdout : stderr).length).toBe(100_000);
        expect(result.isTruncated).toBe(true);
      });

      it("output: exactly the limit is allowed", async () => {
        const result = await run("bash", "head -c 5000 /dev/zero", {
          limits: { outputBytes: 5000 },
        });
        expect(result.verdict).toBe("ok");
        expect(result.stdout.length).toBe(5000);
      });

      it.skipIf(hasNo.disk)(
        "disk: all writable places together hold no more than the limit",
        async () => {
          const source =
            "import errno\ntotal = 0\nfor path in ('/tmp', '/workspace', '/dev/shm'):\n" +
            "  try:\n    f = open(path + '/x', 'wb', buffering=0)\n    while True: total += f.write(b'x' * 4096)\n" +
            "  except OSError as e: print(errno.errorcode[e.errno], end=' ')\nprint(total)";
          const diskBytes = 6 * MIB;
          const result = await run("python", source, { limits: { diskBytes } });
          expect(result.verdict).toBe("ok");
          const words = text(result).trim().split(" ");
          expect(words.slice(0, 3)).toEqual(["ENOSPC", "ENOSPC", "ENOSPC"]);
          expect(Number(words[3])).toBeLessThanOrEqual(diskBytes);
          expect(Number(words[3])).toBeGreaterThanOrEqual(diskBytes - booksBytes);
        },
      );

      it.skipIf(hasNo.disk)("disk: exactly the limit fits, one page more does not", async () => {
        const limits = { diskBytes: 4 * MIB };
        const fits = await run("bash", `head -c ${4 * MIB - booksBytes} /dev/zero >/tmp/x`, {
          limits,
        });
        expect(fits.verdict).toBe("ok");
        const exceeds = await run("bash", "head -c 4194305 /dev/zero >/tmp/x", { limits });
        expect(exceeds).toMatchObject({ verdict: "killed", reason: "disk", exitCode: 1 });
      });

      it.skipIf(hasNo.disk)(
        "disk: a sparse file, a removed file and a file without a name count, too",
        async () => {
          const source =
            "import os\nf = os.open('/tmp', os.O_TMPFILE | os.O_RDWR)\nb = bytes(1 << 20)\n" +
            "g = open('/tmp/x', 'wb', buffering=0)\nos.truncate('/tmp/x', 1 << 40)\nos.unlink('/tmp/x')\n" +
            "n = 0\ntry:\n  while True: n += os.write(f, b) + g.write(b)\nexcept OSError as e: print(e.errno)\n" +
            "print(n <= 4 << 20)";
          const result = await run("python", source, { limits: { diskBytes: 4 * MIB } });
          if (!result.stderr.toString().includes("Operation not supported")) {
            expect(text(result)).toBe("28\nTrue\n");
          }
        },
      );

      it.skipIf(hasNo.disk)("files: no more than the limit, over all writable places", async () => {
        const source =
          "n=0; while n=$((n + 1)); do d=$([ $((n % 2)) = 0 ] && echo /tmp || echo /dev/shm);" +
          " : >$d/$n || break; done 2>/dev/null; echo $((n - 1)); exit $1";
        const limits = { files: 50 };
        const handled = await run("bash", source, { limits, request: { argv: ["0"] } });
        expect(handled.verdict).toBe("ok");
        expect(text(handled)).toBe("50\n");
        expect(await run("bash", source, { limits, request: { argv: ["3"] } })).toMatchObject({
          ...{ verdict: "killed", reason: "disk", exitCode: 3 },
        });
      });

      it("a signal from the caller", async () => {
        const controller = new AbortController();
        const pending = run("bash", "sleep 30", { signal: controller.signal });
        setTimeout(() => controller.abort(), 700);
        expect(await pending).toMatchObject({ verdict: "killed", reason: "aborted" });
        expect(await run("bash", "true", { signal: AbortSignal.abort() })).toMatchObject({
          verdict: "killed",
          reason: "aborted",
        });
      });
    });

    describe("withstands", () => {
      it("reading the gateway's environment", async () => {
        const result = await run("bash", "env; cat /proc/*/environ | tr '\\0' '\\n'", {
          request: { env: { GREETING: "hello" } },
        });
        expect(text(result)).toContain("GREETING=hello");
        expect(text(result)).not.toContain("s3cret-of-the-gateway");
        expect(text(result)).toMatch(/^HOME=\/workspace$/m);
        expect(text(result)).not.toMatch(/^(USER|LOGNAME|NODE|npm_)/m);
      });

      it("finding the host's files", async () => {
        const secret = folder();
        writeFileSync(join(secret, "key"), "k");
        const paths = ["/etc/shadow", "/root", "/home", "/var", "/sys/kernel", "/run/user", secret];
        const result = await run(
          "bash",
          `for p in ${paths.join(" ")} ${process.cwd()}; do [ -e $p ] && ls -d $p/*; done; true`,
        );
        expect(text(result)).toBe("");
      });

      it("a link in the job's folder that points at a file of the host", async () => {
        const app = folder();
        const secret = folder();
        writeFileSync(join(secret, "key"), "the-key");
        symlinkSync("/etc/shadow", join(app, "shadow"));
        symlinkSync(join(secret, "key"), join(app, "key"));
        symlinkSync("/proc/1/root/etc/shadow", join(app, "root-shadow"));
        writeFileSync(join(app, "run.sh"), "cd /app; cat shadow key root-shadow; exit 0");
        chmodSync(app, 0o755);
        const result = await run("bash", "", { request: { readonly: new Map([["/app", app]]) } });
        expect(result.verdict).toBe("ok");
        expect(text(result)).toBe("");
      });

      it("seeing or signalling the host's processes", async () => {
        const result = await run(
          "bash",
          `cat /proc/[0-9]*/cmdline | tr '\\0' ' '; kill -0 ${process.pid} && echo signalled; true`,
        );
        expect(text(result)).not.toMatch(/vitest|signalled/);
      });

      it("writing where nothing may be written", async () => {
        const places = [
          "/",
          "/etc",
          "/usr",
          "/usr/bin",
          ...(unheld("filesystem.readonly_paths") ? [] : ["/app", "/config"]),
          "/dev",
          "/proc/sys/kernel",
        ];
        const result = await run(
          "bash",
          `for d in ${places.join(" ")}; do (: >$d/x) 2>/dev/null && echo $d; done; true`,
        );
        expect(result.verdict).toBe("ok");
        expect(text(result)).toBe("");
      });

      it("writing the host's core pattern, the classic way out", async () => {
        const before = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
        const result = await run(
          "bash",
          "for f in kernel/core_pattern kernel/modprobe vm/overcommit_memory; do" +
            " (echo '|/tmp/x' >/proc/sys/$f) 2>/dev/null && echo wrote $f; done; true",
        );
        expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(before);
        if (engine === "bubblewrap") expect(text(result)).toBe("");
      });

      it("reaching the network or the host's own servers", async () => {
        const server = createServer((_, response) => response.end("reached"));
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const { port } = server.address() as AddressInfo;
        try {
          const result = await run(
            "python",
            "import socket\n" +
              `for host, port in (('127.0.0.1', ${port}), ('1.1.1.1', 53), ('169.254.169.254', 80)):\n` +
              "  try:\n    socket.create_connection((host, port), 2)\n    print('reached', host)\n" +
              "  except OSError: pass\n" +
              "print(','.join(l.split(':')[0].strip() for l in open('/proc/net/dev').readlines()[2:]))",
          );
          expect(result.verdict).toBe("ok");
          expect(text(result)).toMatch(/^(lo)?\n$/);
        } finally {
          server.close();
        }
      });

      it("gaining rights: no capability, no new namespace, no set-uid", async () => {
        const result = await run(
          "bash",
          "grep -E '^Cap(Prm|Eff|Bnd):' /proc/self/status; (mount -t tmpfs x /tmp) 2>/dev/null && echo mounted; true",
        );
        const sets = [...text(result).matchAll(/^Cap\w+:\s*([0-9a-f]+)$/gm)].map(([, set]) => set);
        expect(sets.map((set) => Number.parseInt(set ?? "x", 16))).toEqual([0, 0, 0]);
        expect(text(result)).not.toContain("mounted");
      });

      it("inheriting a descriptor of the gateway", async () => {
        const result = await run(
          "python",
          "import os\nprint(*[os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if int(n) > 2 and os.path.exists(f'/proc/self/fd/{n}')])",
        );
        expect(
          text(result)
            .trim()
            .split(" ")
            .filter(
              (path) => path !== "" && path !== "/dev/null" && !/^\/proc\/\d+\/fd$/.test(path),
            ),
        ).toEqual([]);
      });

      it("forging the verdict with words", async () => {
        const forged = '{"exit-code": 0}';
        const result = await run("bash", `echo '${forged}'; echo '${forged}' >&2; exit 9`);
        expect(result).toMatchObject({ verdict: "error", exitCode: 9 });
      });

      it("one job finding what another left", async () => {
        await run(
          "bash",
          "echo left >/tmp/left; echo left >/workspace/left; echo left >/dev/shm/left",
        );
        const result = await run("bash", "ls /tmp /workspace /dev/shm | grep left; true");
        expect(text(result)).toBe("");
      });
    });

    describe("refuses before it starts", () => {
      it.each([
        ["a language that the settings do not name", { language: "ruby" as "bash" }],
        ["a script outside its mounts", { program: { kind: "file", path: "/usr/bin/env" } }],
        ["a script reached through ..", { program: { kind: "file", path: "/app/../app/run.sh" } }],
        ["a script that is not there", { program: { kind: "file", path: "/app/absent.sh" } }],
        ["a mount over a system path", { readonly: new Map([["/etc", "/tmp"]]) }],
        ["a variable that is none", { env: { "A=B": "c" } }],
        ["an argument with a NUL", { argv: ["a\0b"] }],
        ["arguments beyond any reason", { argv: ["x".repeat(100_000)] }],
      ] satisfies [string, Partial<RunRequest>][])("%s", async (_, request) => {
        expect(await run("bash", "true", { request })).toMatchObject({
          verdict: "blocked",
          reason: "policy",
        });
      });
    });

    // Warm, the one that runs cannot be told from one that waits: there warm.test.ts looks.
    it.skipIf(isElsewhere || isWarm)(
      "reports an engine that dies as a fault of ours and not of the job",
      async () => {
        const pending = run("bash", "echo before; sleep 30");
        const command = ENGINE_PROCESS[engine];
        // By then it has long booted and runs the job.
        const isUp = () => ownProcesses(command).length > 0 && ownCgroupAgeMs() > 1000;
        await expect.poll(isUp, { timeout: 10_000 }).toBe(true);
        for (const pid of ownProcesses(command)) process.kill(pid, "SIGKILL");
        const result = await pending;
        expect(result).toMatchObject({ verdict: "killed", reason: "internal" });
        expect(Buffer.concat([result.stdout, result.stderr]).length).toBe(0);
      },
    );

    it.skipIf(isElsewhere || isWarm)(
      "leaves nothing behind: no process, control group, mount or file",
      async () => {
        const result = await run("bash", "setsid sleep 987654 & (sleep 987654 &) ; echo started");
        expect(text(result)).toBe("started\n");
        expect(processesWith("sleep 987654")).toEqual([]);
        expect(processesWith(stateFolder)).toEqual([]);
        // What only lies there goes after the result, its folder last.
        const left = () =>
          readdirSync(stateFolder)
            .flatMap((owner) => readdirSync(join(stateFolder, owner)))
            .filter((name) => !/^(empty|etc|trace|root-\w+)$/.test(name));
        await eventually(() => expect(left()).toEqual([]));
        expect(ownCgroups()).toEqual([]);
        // The gateway's own folder stays, and may be a file system of its own.
        const folders = readdirSync(stateFolder);
        expect(folders).toHaveLength(1);
        expect(mountsWith(join(stateFolder, folders[0] ?? "", "/"))).toEqual([]);
      },
    );
  });
};
