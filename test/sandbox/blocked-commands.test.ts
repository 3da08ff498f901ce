import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { absentPrograms } from "../../sandbox/absent-programs.ts";
import { blockedCommandIn, createExecJudge } from "../../sandbox/blocked-commands.ts";
import type { Language } from "../../sandbox/driver.ts";
import { processorMs } from "../fakes/processor-time.ts";

const BLOCKED = ["rm -rf /", "dd", "mkfs", "iptables"];

const lint = (text: string, language: Language = "bash", argv: readonly string[] = []) =>
  blockedCommandIn(
    { language, program: { kind: "source", text }, argv, readonly: new Map() },
    BLOCKED,
  );

describe("the lint of bash", () => {
  it.each([
    "dd if=/dev/zero of=/tmp/x",
    "echo hi; dd",
    "true && /usr/bin/dd if=a",
    "FOO=1 dd",
    "if dd; then :; fi",
    "while :; do dd; done",
    "echo $(dd if=x)",
    "echo `dd`",
    'echo "$(dd)"',
    "cat <(dd)",
    "d''d",
    'd"d"',
    "\\dd",
    "$'\\x64d' if=x",
    "x=dd; $x if=y",
    `x=dd\n\${x} if=y`,
    'x="dd if=y"; $x',
    `x=(dd if=y); \${x[@]}`,
    "eval 'dd if=x'",
    "bash -c 'dd if=x'",
    "sh -ec 'dd'",
    "bash <<EOF\ndd if=x\nEOF",
    "bash <<<'dd if=x'",
    "cat <<EOF\n$(dd if=x)\nEOF",
    "sudo dd",
    "sudo -u root dd if=x",
    "env -i A=1 dd",
    "timeout 5 dd",
    "nice -n 5 dd",
    "ls | xargs -I {} dd if={}",
    "find / -exec dd if={} \\;",
    "busybox dd",
    "command dd",
    "exec dd",
    "trap 'dd' EXIT",
    "2>/dev/null dd",
    "case x in x) dd;; esac",
    "f() { dd; }; f",
    "mkfs.ext4 /dev/sda",
    "mkfs -t ext4 /dev/sda",
    "iptables-save",
    "rm -rf /",
    "rm -fr /",
    "rm -r -f /",
    "rm -f --recursive /",
    "rm --recursive --force --no-preserve-root /",
    "rm -rfv /",
    "rm -Rf /",
    "rm -rf -- /",
    "rm -rf //",
    "rm -rf /*",
    "rm -rf /tmp/..",
    "rm -rf '/'",
    "cd /; rm  -rf   /tmp /",
  ])("finds the blocked command in %j", (text) => {
    expect(lint(text)).toContain("blocked_commands");
  });

  it.each([
    "add 1 2",
    "echo dd",
    'echo "do not run dd or rm -rf / here"',
    "# dd if=/dev/zero",
    "echo hi # dd",
    "rm -rf /tmp/x",
    "rm -rf ./build",
    "rm -r /",
    "'/tmp/rm -rf' /",
    "grep dd file",
    "cat <<EOF\ndd if=x\nrm -rf /\nEOF",
    "cat <<'EOF'\n$(dd)\nEOF",
    "for x in dd mkfs; do echo $x; done",
    "case $1 in dd) echo no;; mkfs|iptables) echo no;; esac",
    `tools=(dd mkfs iptables); echo \${tools[0]}`,
    "x=dd; echo $x",
    "xargs echo dd",
    "ls -l --color dd",
    "date +%d%d",
    "[[ $x == dd ]]",
    "odd=1",
    "cat dd",
    "echo 'rm -rf /' >/tmp/notes",
  ])("has nothing against %j", (text) => {
    expect(lint(text)).toBeUndefined();
  });

  it("knows what the arguments are where the script runs them, and only there", () => {
    expect(lint('"$@"', "bash", ["dd", "if=x"])).toContain("`dd`");
    expect(lint("$1 if=x", "bash", ["dd"])).toContain("`dd`");
    expect(lint('grep "$1" file', "bash", ["dd"])).toBeUndefined();
  });

  it("does not grow with a variable that doubles itself", () => {
    const doubling = `x=xxxxxxxx\n${"x=$x$x\n".repeat(200)}dd`;
    expect(lint(doubling)).toContain("`dd`");
  });

  it("ends, and quickly, on whatever text", () => {
    const part = fc.constantFrom(
      ...String.raw`$( ' " \ $+{ } ( ) << EOF case in ;; esac x= =( # <( [[ (( dd & | $@ $' 2>`
        .replace("+", "")
        .split(" "),
      ...["`", "\n", "\t"],
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 200 }), (parts) => {
        lint(parts.join(" "));
        lint(parts.join(""));
      }),
    );
    for (const piece of ["$(", "`", "((", "case ", "<<a\n", `$\{`, "x=(", '"', "bash -c '"]) {
      expect(processorMs(() => lint(piece.repeat(50_000)))).toBeLessThan(3_000);
    }
  });
});

describe("the lint of the calls of other languages", () => {
  it.each([
    ["python", "os.system('dd if=x')"],
    ["python", 'subprocess.run(["dd", "if=x"])'],
    ["python", "subprocess.run(\n  ['/bin/dd',\n 'if=x'], check=True)"],
    ["python", "os.popen('true; rm -rf /')"],
    ["python", "subprocess.check_output('sudo iptables -F', shell=True)"],
    ["javascript", "require('child_process').execSync('rm -rf /')"],
    ["javascript", 'spawnSync("dd", ["if=x"])'],
    ["javascript", "execFile('rm', ['-rf', '/'])"],
    ["javascript", "exec(`mkfs.ext4 /dev/sda`)"],
  ] as const)("finds it in %s: %s", (language, text) => {
    expect(lint(text, language)).toContain("blocked_commands");
  });

  it.each([
    ["python", "print('dd')"],
    ["python", "# os.system('dd')"],
    ["python", "dd = 1\nx.run(dd)"],
    ["python", "os.system('echo dd')"],
    ["javascript", "/dd/.exec('add dd')"],
    ["javascript", "spawnSync('ls', ['dd'])"],
  ] as const)("has nothing against %s: %s", (language, text) => {
    expect(lint(text, language)).toBeUndefined();
  });
});

describe("what an engine sees start", () => {
  const judge = createExecJudge(BLOCKED);
  const exec = (path: string, ...argv: string[]) =>
    judge({ kind: "exec", at: new Date(0), pid: 1, path, argv });

  it("is ended by its path, whatever it calls itself", () => {
    expect(exec("/usr/bin/dd", "harmless")).toContain("`dd`");
    expect(exec("/usr/sbin/mkfs.ext4", "x", "/dev/sda")).toContain("`mkfs`");
    expect(exec("/usr/bin/rm", "rm", "-fr", "/")).toContain("`rm -rf /`");
  });

  it("is ended by its name when the path says nothing", () => {
    expect(exec("/proc/self/fd/3", "dd", "if=x")).toContain("`dd`");
  });

  it("goes on when it is another program or another use of the same", () => {
    expect(exec("/usr/bin/rm", "rm", "-rf", "/tmp/x")).toBeUndefined();
    expect(exec("/usr/bin/odd", "odd", "dd")).toBeUndefined();
    expect(
      judge({ kind: "open", at: new Date(0), pid: 1, path: "/usr/bin/dd", isWrite: false }),
    ).toBe(undefined);
  });
});

describe("programs that are absent inside", () => {
  it("are the blocked ones with their variants, and no other", () => {
    const absent = absentPrograms([...BLOCKED, "no-such-program"]);
    expect(absent).toContain("/usr/bin/dd");
    expect(absent.filter((path) => /\/(rm|ls|cat|bash|python3[^/]*|node)$/.test(path))).toEqual([]);
    expect(absent.every((path) => path.startsWith("/usr/"))).toBe(true);
  });

  it("are none when nothing is blocked, or only uses of a program", () => {
    expect(absentPrograms([])).toEqual([]);
    expect(absentPrograms(["rm -rf /"])).toEqual([]);
  });
});
