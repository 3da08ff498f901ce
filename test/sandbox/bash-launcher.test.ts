import { afterAll, describe, expect, it } from "vitest";
import { openTestSandbox } from "./sandbox-fixture.ts";

const { sandbox, run, close } = openTestSandbox("bubblewrap");
const status = await sandbox.status();
const isAbsent = !status.ok && process.env.CI !== "true";
afterAll(close);

// Run by the bash that waited; with this word in it a script is given a bash of its own.
const OWN_BASH = "\n# return";

const SCRIPTS: Readonly<Record<string, string>> = {
  "what it is called and given": 'echo "$0" $# "$1" "$@"; echo "$*"; shift; echo $#',
  "its input, line by line": 'while read -r line; do echo "[$line]"; done; read -r x || echo end',
  "its variables": 'echo "$GREETING"; env | grep -v ^_= | sort; set | grep -c ^line=',
  "its exit code": "exit 7",
  "the exit code of its last command": "true; false",
  "stopping at the first failure": "set -e; echo one; false; echo two",
  "unset variables": 'set -u; echo "$NOT_THERE"; echo after',
  "a failing pipe": "set -o pipefail; false | true; echo $?; exit $?",
  "a syntax error after a command": "echo before\nif then\necho after",
  "a command that is not there": "no_such_command_here; echo $?",
  "line numbers": "echo $LINENO\n\necho $LINENO; nope",
  traps: "trap 'echo bye $?' EXIT; trap 'echo err' ERR; false; exit 3",
  "a signal to itself": "kill -TERM $$; sleep 5",
  "functions, arrays and here documents":
    'f() { local a=("$@"); declare -p a; }\nf 1 "2 3"\ncat <<E\n$((1+2))\nE',
  "descriptors of its own":
    "exec 5>/tmp/x; echo hi >&5; exec 5>&-; cat /tmp/x; ls /proc/self/fd | wc -l",
  "becoming another program": "exec printf '%s' done",
  options: "echo $-; shopt -o | sort | grep on$; shopt | grep on$",
  "children in the background": "(sleep 0.1; echo late) & echo now; wait",
  "no last line break": "printf x",
  "nothing at all": "",
};

describe.skipIf(isAbsent)("a bash script means the same to the bash that waited", () => {
  it.each(Object.entries(SCRIPTS))("%s", async (_, text) => {
    const outcome = async (source: string) => {
      const { verdict, exitCode, stdout, stderr } = await run("bash", "", {
        request: {
          program: { kind: "source", text: source },
          argv: ["a b", "$(c)", "d'e\nf"],
          stdin: Buffer.from("first\n  second\nthird"),
          env: { GREETING: "hello 'you' $x" },
        },
      });
      return { verdict, exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
    };
    expect(await outcome(text)).toEqual(await outcome(text + OWN_BASH));
  });
});
