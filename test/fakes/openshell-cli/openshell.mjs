// Plays the OpenShell CLI together with its gateway: sandboxes live as folders below HOME, and what
// is run in one runs under bubblewrap, with those folders kept between runs. Faults that a real
// gateway has can be switched on in faults.json.
// https://github.com/NVIDIA/OpenShell/blob/main/crates/openshell-cli/src/main.rs
import { spawn, spawnSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { Socket } from "node:net";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

const NAME_LENGTH = 19;
const STDIN_BYTES = 4 << 20;
const IMAGE_LINKS = ["/workspace", "/app", "/config"];
const UID = 60_998; // the image's own user, the same in every sandbox

const home = join(process.env.HOME ?? "/nonexistent", ".config/openshell");
const faults = existsSync(join(home, "faults.json"))
  ? JSON.parse(readFileSync(join(home, "faults.json"), "utf8"))
  : {};
const fail = (words, code = 1) => {
  process.stderr.write(`Error:   × ${words}\n`);
  process.exit(code);
};
const parse = (options, args) => {
  try {
    return parseArgs({ options, args, allowPositionals: true, strict: true });
  } catch (error) {
    return fail(error.message, 2);
  }
};

let words = process.argv.slice(2);
if (words[0] === "--gateway") {
  writeFileSync(join(home, "gateways.log"), `${words[1]}\n`, { flag: "a" });
  words = words.slice(2);
}
if (words[0] === "--version") {
  console.log("openshell 0.0.51");
  process.exit(0);
}
writeFileSync(join(home, "calls.log"), `${JSON.stringify(words)}\n`, { flag: "a" });
const stdin = words[0] === "sandbox" && words[1] === "exec" ? readFileSync(0) : Buffer.alloc(0); // to its end, as the CLI does
if (faults.gatewayDown)
  fail("transport error: tcp connect error: Connection refused (os error 111)");
if (faults.delayMs) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, faults.delayMs);

const folderOf = (name) => join(home, "sandboxes", name);
const load = (name) => {
  if (!existsSync(join(folderOf(name), "meta.json")))
    fail(`status: NotFound, message: "sandbox not found"`);
  return JSON.parse(readFileSync(join(folderOf(name), "meta.json"), "utf8"));
};
const save = (meta) => writeFileSync(join(folderOf(meta.name), "meta.json"), JSON.stringify(meta));
const policyIn = (file) => {
  const text = readFileSync(file, "utf8");
  if (!/^version: 1$/m.test(text))
    fail("failed to parse sandbox policy YAML: missing field `version`");
  return text;
};

/** A pipe as a container has it, which its user can open again by name; Node makes sockets. */
const openPipe = (name) => {
  const path = join(home, `${process.pid}.${name}`);
  spawnSync("/usr/bin/mkfifo", ["-m", "600", path]);
  chownSync(path, UID, UID);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, "w");
  rmSync(path);
  return { reader: new Socket({ fd, readable: true, writable: false }), writer };
};

/** Runs a command in a sandbox; resolves with nothing: it exits as the command does. */
const contain = (name, command, { workdir = "/sandbox", input, timeout = 0 }) => {
  const at = (path) => join(folderOf(name), path);
  const [out, err] = [openPipe("out"), openPipe("err")];
  const child = spawn(
    "/usr/bin/bwrap",
    [
      ...[
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
      ],
      ...["--uid", String(UID), "--gid", String(UID), "--cap-drop", "ALL", "--clearenv"],
      ...["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/sandbox"],
      ...[
        "--ro-bind",
        "/usr",
        "/usr",
        "--ro-bind",
        at("etc"),
        "/etc",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
      ],
      ...["bin", "sbin", "lib", "lib64"].flatMap((link) => [
        "--symlink",
        `usr/${link}`,
        `/${link}`,
      ]),
      ...IMAGE_LINKS.flatMap((path) => ["--symlink", `/sandbox/clawgate/root${path}`, path]),
      ...[
        "--bind",
        at("sandbox"),
        "/sandbox",
        "--bind",
        at("tmp"),
        "/tmp",
        "--bind",
        at("shm"),
        "/dev/shm",
      ],
      ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", workdir, "--", ...command],
    ],
    {
      uid: UID,
      gid: UID,
      env: {},
      stdio: [input === undefined ? "ignore" : "pipe", out.writer, err.writer],
    },
  );
  for (const { writer } of [out, err]) closeSync(writer);
  if (input !== undefined) child.stdin.on("error", () => {}).end(input);
  let room = faults.partialOutputBytes ?? Number.POSITIVE_INFINITY;
  out.reader.on("data", (chunk) => {
    process.stdout.write(chunk.subarray(0, room));
    room -= chunk.length;
    if (room < 0) fail('status: Unavailable, message: "connection reset"');
  });
  err.reader.pipe(process.stderr);
  const timer = timeout > 0 ? setTimeout(() => child.kill("SIGKILL"), timeout * 1000) : undefined;
  child.on("close", (code) => {
    clearTimeout(timer);
    process.exitCode = faults.exitCode ?? code ?? 137;
  });
};

const create = (args) => {
  const { values, positionals } = parse(
    {
      name: { type: "string" },
      from: { type: "string" },
      policy: { type: "string" },
      memory: { type: "string" },
      cpu: { type: "string" },
      label: { type: "string", multiple: true },
      "approval-mode": { type: "string" },
      "no-auto-providers": { type: "boolean" },
      "no-tty": { type: "boolean" },
      detach: { type: "boolean" },
    },
    args,
  );
  const { name, policy, memory, label = [] } = values;
  if (name.length > NAME_LENGTH) {
    fail(
      `status: InvalidArgument, message: "name exceeds maximum length (${name.length} > ${NAME_LENGTH})"`,
    );
  }
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
    fail(`status: InvalidArgument, message: "name is no DNS-1123 label"`);
  if (existsSync(join(folderOf(name), "meta.json"))) {
    fail(`status: AlreadyExists\n\nhint: delete it first with: openshell sandbox delete <name>`);
  }
  if (memory !== undefined && !/^\d+(\.\d+)?(Ki|Mi|Gi|K|M|G)?$/.test(memory))
    fail(`invalid memory quantity`);
  if (positionals.length > 0 && !values.detach)
    fail("this stand-in attaches to no process: --detach");
  const text = policyIn(policy);
  rmSync(folderOf(name), { recursive: true, force: true });
  for (const folder of ["sandbox", "tmp", "shm", "etc/ssl/certs"]) {
    mkdirSync(join(folderOf(name), folder), { recursive: true, mode: 0o755 });
  }
  for (const folder of ["sandbox", "tmp", "shm"]) chownSync(join(folderOf(name), folder), UID, UID);
  writeFileSync(
    join(folderOf(name), "etc/passwd"),
    `sandbox:x:${UID}:${UID}::/sandbox:/bin/bash\n`,
  );
  for (const kept of ["ld.so.cache", "alternatives"]) {
    spawnSync("/bin/cp", ["-a", `/etc/${kept}`, join(folderOf(name), "etc", kept)]);
  }
  const labels = Object.fromEntries(label.map((pair) => pair.split("=")));
  save({ name, labels, phase: "Ready", policy: text, current_policy_version: 1 });
  console.log(`Created sandbox: ${name}`);
};

const list = (args) => {
  const { values } = parse(
    {
      selector: { type: "string" },
      limit: { type: "string" },
      output: { type: "string", short: "o" },
    },
    args,
  );
  const wanted = (values.selector ?? "")
    .split(",")
    .filter(Boolean)
    .map((pair) => pair.split("="));
  const found = existsSync(join(home, "sandboxes"))
    ? readdirSync(join(home, "sandboxes")).map(load)
    : [];
  const matching = found.filter(({ labels }) =>
    wanted.every(([key, value]) => labels[key] === value),
  );
  console.log(
    JSON.stringify(
      matching.map(({ policy, ...meta }) => meta),
      null,
      2,
    ),
  );
};

const exec = (args) => {
  const { values, positionals } = parse(
    {
      name: { type: "string", short: "n" },
      workdir: { type: "string" },
      timeout: { type: "string" },
      "no-tty": { type: "boolean" },
      env: { type: "string", multiple: true },
    },
    args.slice(0, args.indexOf("--") + 1),
  );
  const command = [...positionals, ...args.slice(args.indexOf("--") + 1)];
  const meta = load(values.name);
  if (meta.phase !== "Ready")
    fail(
      `sandbox '${meta.name}' is not ready (phase: ${meta.phase}); wait for it to reach Ready state`,
    );
  if (stdin.length > STDIN_BYTES)
    fail(
      `stdin payload exceeds ${STDIN_BYTES} byte limit; pipe smaller inputs or use \`sandbox upload\``,
    );
  contain(meta.name, command, {
    workdir: values.workdir,
    input: stdin,
    timeout: Number(values.timeout ?? 0),
  });
};

const upload = (args) => {
  const { positionals } = parse({ "no-git-ignore": { type: "boolean" } }, args);
  const [name, local, dest = "/sandbox"] = positionals;
  load(name);
  const tar = spawnSync(
    "/usr/bin/tar",
    ["-c", "-C", join(local, ".."), "-f", "-", basename(local)],
    { maxBuffer: 1 << 28 },
  );
  process.stderr.write(`Uploading ${local} -> sandbox:${dest}\n`);
  contain(name, ["/bin/sh", "-c", 'mkdir -p "$1" && tar -x -C "$1" -f -', "sh", dest], {
    input: tar.stdout,
  });
};

const download = (args) => {
  const { positionals } = parse({}, args);
  const [name, path, dest = "."] = positionals;
  load(name);
  if (!path.startsWith("/sandbox/"))
    fail(`sandbox source path '${path}' is outside the workspace root`);
  mkdirSync(dest, { recursive: true });
  const from = join(folderOf(name), path);
  if (!existsSync(from)) fail(`sandbox source path '${path}' does not exist`);
  spawnSync("/bin/cp", ["-a", `${from}/.`, dest]);
};

const remove = (names) => {
  for (const name of names) {
    const isThere = existsSync(folderOf(name));
    rmSync(folderOf(name), { recursive: true, force: true });
    console.log(isThere ? `Deleted sandbox ${name}` : `! Sandbox ${name} not found`);
  }
};

const setPolicy = (args) => {
  const { values, positionals } = parse(
    { policy: { type: "string" }, wait: { type: "boolean" }, timeout: { type: "string" } },
    args,
  );
  const meta = load(positionals[0]);
  if (faults.policyTimesOut) process.exit(124);
  save({
    ...meta,
    policy: policyIn(values.policy),
    current_policy_version: meta.current_policy_version + 1,
  });
};

const logs = (args) => {
  const { positionals } = parse(
    { n: { type: "string", short: "n" }, since: { type: "string" }, source: { type: "string" } },
    args,
  );
  const file = join(folderOf(load(positionals[0]).name), "log");
  if (existsSync(file)) process.stdout.write(readFileSync(file));
};

const [group, verb, ...rest] = words;
const VERBS = {
  "sandbox create": create,
  "sandbox list": list,
  "sandbox exec": exec,
  "sandbox upload": upload,
  "sandbox download": download,
  "sandbox delete": remove,
  "policy set": setPolicy,
};
if (group === "status") console.log("Server Status\n\n  Status: Connected");
else if (group === "logs") logs([verb, ...rest]);
else if (VERBS[`${group} ${verb}`]) VERBS[`${group} ${verb}`](rest);
else fail(`unrecognized subcommand '${group} ${verb}'`, 2);
