import type { Language } from "../driver.ts";

/** Where a sandbox shows the slot's own folder, which it cannot write to. */
export const JOB_FOLDER = "/run/job";

/** What waits inside a booted sandbox for its job. */
export interface Launcher {
  /** File name within the job folder. */
  readonly name: string;
  readonly source: string;
  /** File name that a job's source gets. */
  readonly program: string;
  /** The interpreter; the launcher's path follows. Node's own path is not known here. */
  readonly interpreter: readonly string[] | "node";
}

// All three do the same: say one byte on stdout, wait until stdin ends, take what the job folder says
// as their own environment and standard input, and become the job.

// What is done for the first time takes longest, so reading and compiling are rehearsed before the job
// comes. What is there by then lives as long as the interpreter: frozen, it is not looked through at
// the end.
// A traceback shows the job's frames only, as after a plain run of the file.
const PYTHON = `def launch(scope):
    import gc, os, sys
    with open(__file__, "rb") as file: file.read()
    exec(compile("def rehearse(word): return [word]", __file__, "exec", dont_inherit=True), {})
    gc.freeze()
    os.write(1, b"+")
    while os.read(0, 4096): pass
    with open("${JOB_FOLDER}/frame", "rb") as frame: words = frame.read().split(b"\\0")[:-1]
    stdin = os.open("${JOB_FOLDER}/stdin", os.O_RDONLY)
    os.dup2(stdin, 0)
    os.close(stdin)
    old = sys.stdin
    sys.stdin = sys.__stdin__ = open(0, encoding=old.encoding, errors=old.errors, closefd=False)
    end = words.index(b"")
    os.environb.clear()
    for word in words[:end]:
        name, _, value = word.partition(b"=")
        os.environb[name] = value
    if b"TZ" in os.environb:
        import time
        time.tzset()
    sys.argv = [os.fsdecode(word) for word in words[end + 1:]]
    path = sys.argv[0]
    home = os.getcwd() if path.startswith("${JOB_FOLDER}/") else os.path.dirname(path)
    sys.path.insert(0, home)
    for name in [name for name in scope if not name.startswith("__")]: del scope[name]
    loader = type(scope["__loader__"])("__main__", path)
    scope.update(__file__=path, __cached__=None, __loader__=loader)
    try:
        with open(path, "rb") as file: source = file.read()
        exec(compile(source, path, "exec", dont_inherit=True), scope)
    except SystemExit:
        raise
    except BaseException as error:
        error.__traceback__ = error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
launch(globals())
`;

// The lowest free descriptor is given out first: what is opened after 0 was closed becomes 0.
const NODE = `"use strict";
const fs = require("node:fs");
fs.writeSync(1, "+");
const chunk = Buffer.alloc(4096);
while (fs.readSync(0, chunk) > 0);
const words = fs.readFileSync("${JOB_FOLDER}/frame", "utf8").split("\\0").slice(0, -1);
fs.closeSync(0);
if (fs.openSync("${JOB_FOLDER}/stdin", "r") !== 0) process.abort();
const { env } = process;
for (const name of Object.keys(env)) delete env[name];
const end = words.indexOf("");
for (const word of words.slice(0, end)) {
  const at = word.indexOf("=");
  env[word.slice(0, at)] = word.slice(at + 1);
}
process.argv = [process.execPath, ...words.slice(end + 1)];
delete require.cache[__filename];
require("node:module").runMain(process.argv[1]);
`;

// Most scripts can be run by the bash that waits; it takes gVisor long to start another.
const BASH = `printf +
while read -r line; do :; done
unset line
. ${JOB_FOLDER}/start
`;

export const LAUNCHERS: Readonly<Record<Language, Launcher>> = {
  python: {
    name: "launcher.py",
    source: PYTHON,
    program: "main.py",
    interpreter: ["/usr/bin/python3", "-I"],
  },
  javascript: { name: "launcher.cjs", source: NODE, program: "main.js", interpreter: "node" },
  bash: {
    name: "launcher.sh",
    source: BASH,
    program: "main.sh",
    interpreter: ["/bin/bash", "--noprofile", "--norc"],
  },
};
