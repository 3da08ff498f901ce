// Plays Firecracker's jailer as its documentation describes it, but for what a stand-in cannot do:
// it changes neither root nor user, since the machine it starts has to mount for itself. It hands the
// jail's folder over as the working directory.
// https://github.com/firecracker-microvm/firecracker/blob/main/docs/jailer.md
import { spawn } from "node:child_process";
import { chownSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";

const fail = (words) => {
  console.error(`Jailer error: ${words}`);
  process.exit(1);
};

const VALUES = ["id", "exec-file", "uid", "gid", "chroot-base-dir", "netns", "parent-cgroup"];
const MANY = ["cgroup", "resource-limit"];
const FLAGS = ["daemonize", "new-pid-ns"];
const args = process.argv.slice(2);
const end = args.includes("--") ? args.indexOf("--") : args.length;
const given = { "chroot-base-dir": "/srv/jailer" };
for (let at = 0; at < end; at++) {
  const name = args[at].replace(/^--/, "");
  if (FLAGS.includes(name)) given[name] = true;
  else if (MANY.includes(name)) given[name] = [...(given[name] ?? []), args[++at]];
  else if (VALUES.includes(name)) given[name] = args[++at];
  else fail(`Found argument '${args[at]}' which wasn't expected, or isn't valid in this context.`);
}
for (const name of ["id", "exec-file", "uid", "gid"]) {
  if (given[name] === undefined) fail(`Argument '${name}' required, but not found.`);
}
if (!/^[a-zA-Z0-9-]{1,64}$/.test(given.id)) fail("Invalid instance ID");
const exec = given["exec-file"];
if (!isAbsolute(exec) || !existsSync(exec)) fail(`Failed to canonicalize path ${exec}`);
for (const limit of given["resource-limit"] ?? []) {
  if (!/^(fsize|no-file)=\d+$/.test(limit)) fail(`Invalid resource argument: ${limit}`);
}
if (given["new-pid-ns"] !== true) fail("this stand-in knows --new-pid-ns only");

const root = join(given["chroot-base-dir"], basename(exec), given.id, "root");
mkdirSync(root, { recursive: true });
copyFileSync(exec, join(root, basename(exec)));
chownSync(root, Number(given.uid), Number(given.gid));
const child = spawn(
  "/usr/bin/unshare",
  [
    ...["--mount", "--pid", "--fork", "--kill-child", "--", exec, `--id=${given.id}`],
    ...["--start-time-us=0", "--start-time-cpu-us=0", ...args.slice(end + 1)],
  ],
  { cwd: root, env: { PATH: process.env.PATH }, stdio: ["ignore", "inherit", "inherit"] },
);
child.on("error", (error) => fail(error.message));
child.on("spawn", () => {
  writeFileSync(join(root, `${basename(exec)}.pid`), String(child.pid));
  process.exit(0);
});
