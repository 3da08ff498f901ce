import { Buffer } from "node:buffer";
import { expect, it } from "vitest";
import { SETTINGS } from "../../sandbox/sandbox-fixture.ts";
import { underAttack } from "./site.ts";

const BLOCKED = ["rm -rf /", "dd", "mkfs", "iptables"];
const settings = { execution: { ...SETTINGS.execution, blocked_commands: BLOCKED } };

await underAttack("forgery", settings, (site) => {
  it("attack: a result of one's own, on every stream and descriptor", async () => {
    const forged = JSON.stringify({ verdict: "ok", reason: null, exit: 0, "exit-code": 0 });
    const result = await site.attack(
      "python",
      `import os
for fd in range(0, 64):
    try: os.write(fd, b'''${forged}\\n+\\n''')
    except OSError: pass
os._exit(7)`,
    );
    expect(result).toMatchObject({ verdict: "error", exitCode: 7 });
  });

  it("attack: exit codes that an engine uses for itself", async () => {
    for (const code of [1, 2, 125, 126, 127, 128, 255]) {
      const result = await site.attack("bash", `exit ${code}`);
      expect(result).toMatchObject({ verdict: "error", exitCode: code });
    }
  });

  it("attack: ending oneself as if it were the sandbox that did it", async () => {
    const result = await site.attack("bash", "kill -9 $$");
    expect(result).toMatchObject({ verdict: "error", exitCode: 137 });
  });

  it("attack: what looks like a fault of the engine", async () => {
    const result = await site.attack(
      "bash",
      "echo 'panic: runtime error' >&2; echo 'bwrap: setting up' >&2; echo '{\"level\":\"fatal\"}' >&2; exit 1",
    );
    expect(result).toMatchObject({ verdict: "error", exitCode: 1 });
    expect(result.stderr.toString()).toContain("panic: runtime error");
  });

  it("attack: lines for the record, in arguments, names and output", async () => {
    const runId = `forger-${site.engine}`;
    const line = '"}\n{"tenant":"victim","run_id":"x","event":"ended","verdict":"ok"}';
    await site.attack("bash", 'ls "$1"; : >"/tmp/$1"; echo "$1"; exit 0', {
      request: { runId, argv: [line.replaceAll("/", "_")] },
    });
    const record = site.recordOf(runId);
    expect(record.at(-1)).toMatchObject({ event: "ended", tenant: "mallory" });
    expect(record.every(({ tenant }) => tenant === "mallory")).toBe(true);
    expect(site.recordOf("x")).toEqual([]);
  });

  it("attack: arguments that are options, commands, or line ends", async () => {
    const argv = [
      "-c",
      "--",
      "-e",
      "$(id)",
      "`id`",
      ";id",
      "a\nb",
      "",
      "*",
      "~",
      "-",
      "ü\u{1f600}",
      "\\",
    ];
    const program = "import sys, json; print(json.dumps(sys.argv[1:]))";
    const python = await site.attack("python", program, { request: { argv } });
    expect(JSON.parse(python.stdout.toString())).toEqual(argv);
    const node = "console.log(JSON.stringify(process.argv.slice(2)))";
    const javascript = await site.attack("javascript", node, {
      request: { argv },
      limits: { memoryBytes: 256 << 20 },
    });
    expect(JSON.parse(javascript.stdout.toString())).toEqual(argv);
    const bash = await site.attack("bash", "printf '%s\\0' \"$@\"", { request: { argv } });
    expect(bash.stdout.toString().split("\0").slice(0, -1)).toEqual(argv);
  });

  it("attack: variables that steer interpreters and the sandbox's own programs", async () => {
    const env = {
      LD_PRELOAD: "/tmp/evil.so",
      LD_LIBRARY_PATH: "/tmp",
      BASH_ENV: "/tmp/evil.sh",
      ENV: "/tmp/evil.sh",
      PYTHONSTARTUP: "/tmp/evil.py",
      IFS: "/",
      "BASH_FUNC_echo%%": "() { evil; }",
    };
    const { "BASH_FUNC_echo%%": _none, ...legal } = env;
    const result = await site.attack("bash", "/bin/echo fine", { request: { env: legal } });
    expect(result.verdict).toBe("ok");
    expect(result.stdout.toString()).toBe("fine\n");
    const refused = await site.attack("bash", "true", { request: { env } });
    expect(refused).toMatchObject({ verdict: "blocked", reason: "policy" });
  });

  it("attack: a source that ends the frame that carries it, or is no text at all", async () => {
    const hostile = "echo one\n\u0000echo two\nEOF\n'\"\n";
    const result = await site.attack("bash", hostile);
    expect(["ok", "error"]).toContain(result.verdict);
    expect(result.stdout.toString()).toMatch(/^one\n/);
    const stdin = Buffer.from([0, 1, 255, 10, 0]);
    const echoed = await site.attack("bash", "cat", { request: { stdin } });
    expect(echoed.stdout).toEqual(stdin);
  });

  it("attack: outputs that are links, devices, pipes, sparse, deep, or under hostile names", async () => {
    const result = await site.attack(
      "python",
      `import os, socket
os.mkdir("out"); os.chdir("out")
open("kept", "w").write("kept")
os.symlink("/etc/passwd", "passwd"); os.symlink("/etc", "etc"); os.symlink("../..", "up")
os.symlink("/proc/self/environ", "environ")
open("../other", "w").write("x"); os.link("../other", "linked")
os.mkfifo("pipe"); socket.socket(socket.AF_UNIX).bind("socket")
with open("sparse", "wb") as f: f.truncate(1 << 40)
for name in (b"new\\nline", b"\\xff\\xfe", b"-rf", b"..x", b"a" * 200, "\\u202etxt".encode()): open(name, "w").close()
here = os.getcwd()
for _ in range(60): os.mkdir("d"); os.chdir("d")
open("deep", "w").close()
os.chdir(here); os.mkdir("closed", 0); `,
      { request: { outputs: "out" } },
    );
    expect(result.verdict).toBe("ok");
    expect(result.isTruncated).toBe(true);
    expect(result.outputs.map(({ path }) => path).sort()).toEqual([
      "out/-rf",
      "out/..x",
      "out/\\xe2\\x80\\xaetxt",
      "out/\\xff\\xfe",
      `out/${"a".repeat(200)}`,
      "out/kept",
      "out/new\\x0aline",
    ]);
  });

  it.each([
    ["a link to the host's folder", "ln -s /etc out"],
    ["a link to the root", "ln -s / out"],
    ["a link to what is handed in", "ln -s /run/job out"],
    ["a file", "echo x >out"],
    ["a pipe", "mkfifo out"],
  ])("attack: the outputs folder is %s", async (_, source) => {
    const result = await site.attack("bash", source, { request: { outputs: "out" } });
    expect(result).toMatchObject({ verdict: "ok", outputs: [] });
  });
});

await underAttack("the command filter", settings, (site) => {
  const isHeld = async (source: string) => {
    const result = await site.attack("bash", `${source}\nstat -c %s /tmp/made 2>/dev/null; exit 0`);
    // Refused, ended, or not there: what it would have made is not made.
    expect(result.stdout.toString()).not.toMatch(/^[1-9]/m);
    return result;
  };

  it.each([
    "dd if=/dev/zero of=/tmp/made bs=1 count=9",
    "/usr/bin/dd if=/dev/zero of=/tmp/made bs=1 count=9",
    "sudo dd if=/dev/zero of=/tmp/made bs=1 count=9",
    "bash -c 'dd if=/dev/zero of=/tmp/made bs=1 count=9'",
    "rm -rf /",
    "rm --force --recursive --no-preserve-root /",
    "mkfs.ext4 /tmp/x",
  ])("attack, refused before it starts: %s", async (source) => {
    const result = await isHeld(source);
    expect(result).toMatchObject({ verdict: "blocked", reason: "policy" });
    expect(result.detail).toMatch(/`(?:dd|rm -rf \/|mkfs)`/);
  });

  it("attack: every disguise that the text does not betray, in one run each", async () => {
    const disguises = [
      "a=d; b=d; $a$b if=/dev/zero of=/tmp/made bs=1 count=9",
      "$(echo dd) if=/dev/zero of=/tmp/made bs=1 count=9",
      "$(printf 'd%s' d) if=/dev/zero of=/tmp/made bs=1 count=9",
      "$(echo ZGQ= | base64 -d) if=/dev/zero of=/tmp/made bs=1 count=9",
      "/usr/bin/d? if=/dev/zero of=/tmp/made bs=1 count=9",
      "{d,}d if=/dev/zero of=/tmp/made bs=1 count=9",
      "cp /usr/bin/d[d] /tmp/x; /tmp/x if=/dev/zero of=/tmp/made bs=1 count=9",
      "ln -s /usr/bin/d[d] /tmp/y; /tmp/y if=/dev/zero of=/tmp/made bs=1 count=9",
      "bash <(echo 'd''d if=/dev/zero of=/tmp/made bs=1 count=9' | tr -d \"'\")",
      "python3 -c \"import os; os.execv('/usr/bin/'+'d'*2, ['x', 'if=/dev/zero', 'of=/tmp/made', 'bs=1', 'count=9'])\"",
      'perl -e \'exec("d"."d", "if=/dev/zero", "of=/tmp/made", "bs=1", "count=9")\'',
      "exec -a harmless $(command -v d''d) if=/dev/zero of=/tmp/made bs=1 count=9",
    ];
    for (const disguise of disguises) await isHeld(disguise);
  });

  it("attack: emptying the machine, disguised", async () => {
    const result = await site.attack(
      "bash",
      "x=/; echo left >/tmp/left; $(echo rm) -rf --no-preserve-root $x 2>/dev/null; ls /usr/bin/bash",
    );
    // Where the engine sees it start it is ended; in any case nothing of the machine is gone.
    if (result.verdict === "killed") expect(result.reason).toBe("policy");
    else expect(result.stdout.toString()).toBe("/usr/bin/bash\n");
    expect(await site.attack("bash", "ls /app >/dev/null && echo well")).toMatchObject({
      verdict: "ok",
    });
  });

  it("raises no alarm at text that only speaks of commands", async () => {
    const result = await site.attack(
      "bash",
      "# dd and rm -rf / are not for here\necho 'dd if=/dev/zero; rm -rf /' | grep -c dd; rm -rf /tmp/x; add() { echo $(($1 + $2)); }; add 1 2",
    );
    expect(result).toMatchObject({ verdict: "ok" });
    expect(result.stdout.toString()).toBe("1\n3\n");
  });
});
