import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import type { Language, RunRequest } from "../../driver.ts";

/** The folder in the sandbox that holds all of one run; its image links the settings' paths into it. */
export const RUN_FOLDER = "/sandbox/clawgate";

/** Where a path of the settings, e.g. `/app`, leads to by the image's link. */
export const placeOf = (path: string): string => `${RUN_FOLDER}/root${path}`;

const PROGRAMS: Readonly<Record<Language, string>> = {
  python: "main.py",
  javascript: "main.js",
  bash: "main.sh",
};
// Without -I, as a plain run: beside a script lie its modules. The image's links stay out of sight.
const INTERPRETERS: Readonly<Record<Language, readonly string[]>> = {
  python: ["/usr/bin/python3", "-E", "-s", "-X", "utf8"],
  javascript: ["/usr/bin/node", "--preserve-symlinks-main"],
  bash: ["/bin/bash"],
};

// Says that the job begins and how it ended, with a word that only we know; the rest is the job's.
const START = `cd "$1" || exit 125
mark=$(cat ${RUN_FOLDER}/root/job/mark) || exit 125
rm ${RUN_FOLDER}/root/job/mark
mapfile -t -d '' words <${RUN_FOLDER}/root/job/frame
ulimit -c 0; ulimit -t "$2"; ulimit -u "$3" 2>/dev/null
printf %s "$mark"
exec 3>&2 2>/dev/null # what bash says of a job that a signal ended is not the job's
/usr/bin/env -i -- "\${words[@]}" <${RUN_FOLDER}/root/job/stdin 2>&3 3>&-
code=$?
printf %s "$mark" >&3
exit $code
`;

/** The command line that starts the job of an uploaded bundle. */
export const startCommand = (home: string, cpuMs: number, pids: number): readonly string[] => [
  ...["/bin/bash", `${RUN_FOLDER}/root/job/start.sh`, home],
  ...[String(Math.ceil(cpuMs / 1000)), String(pids)],
];

/** Lays down in an empty local folder all that one run brings to the sandbox. */
export const writeBundle = (
  folder: string,
  { readonly, program, language, argv, stdin }: RunRequest,
  paths: { readonly writable: readonly string[]; readonly empty: readonly string[] },
  env: Readonly<Record<string, string>>,
  mark: string,
): void => {
  rmSync(folder, { recursive: true, force: true });
  const place = (path: string): string => {
    const made = join(folder, path);
    mkdirSync(made, { recursive: true });
    return made;
  };
  for (const path of [...paths.writable, ...paths.empty, "/job"]) place(path);
  for (const [path, source] of readonly) {
    cpSync(source, place(path), { recursive: true, verbatimSymlinks: true });
  }
  const file = PROGRAMS[language];
  const script = program.kind === "file" ? program.path : posix.join(placeOf("/job"), file);
  const words = [
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...[...INTERPRETERS[language], script, ...argv],
  ];
  const files = {
    "start.sh": START,
    mark,
    frame: words.map((word) => `${word}\0`).join(""),
    stdin,
    ...(program.kind === "source" ? { [file]: program.text } : {}),
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, "job", name), content);
    chmodSync(join(folder, "job", name), 0o644);
  }
};
