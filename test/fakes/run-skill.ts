import { spawn } from "node:child_process";
import { join } from "node:path";

export interface SkillProcess {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a bundled Python skill as the sandbox does, isolated from the environment, but unconfined. */
export const runSkill = (
  skill: string,
  stdin: string | Buffer,
  locale?: string,
): Promise<SkillProcess> =>
  new Promise((resolve, reject) => {
    const script = join("skills", "bundled", skill, "scripts", "run.py");
    const child = spawn("python3", ["-I", script], {
      env: { PATH: process.env.PATH, ...(locale !== undefined && { CLAWGATE_LOCALE: locale }) },
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A skill that refuses early closes its end while we still write.
    child.stdin.on("error", () => {});
    child.on("error", reject);
    child.on("close", (exitCode) =>
      resolve({
        exitCode,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: Buffer.concat(stderr).toString("utf8"),
      }),
    );
    child.stdin.end(stdin);
  });

/** The `text` that the skill answers with. Throws when it fails or prints anything else. */
export const askSkill = async (skill: string, text: string, locale?: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await runSkill(skill, JSON.stringify({ text }), locale);
  const output: unknown = exitCode === 0 ? JSON.parse(stdout) : undefined;
  if (typeof output === "object" && output !== null && "text" in output) {
    if (typeof output.text === "string" && Object.keys(output).length === 1) return output.text;
  }
  throw new Error(`${skill} failed with ${exitCode}: ${stderr}${stdout}`);
};
