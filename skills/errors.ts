import { GatewayError } from "../core/contract/errors.ts";

/** One thing that keeps a folder from being a skill. */
export interface SkillProblem {
  /** Relative to the skill's folder; `.` is the folder itself. */
  readonly file: string;
  /** Dotted path in the front matter, e.g. `metadata.clawgate.entry`; absent = the file as a whole. */
  readonly key?: string;
  readonly found: string;
  readonly expected: string;
}

/** The folder is not a valid skill; `problems` holds everything that is wrong with it. */
export class SkillPackageError extends GatewayError {
  override readonly name = "SkillPackageError";
  constructor(
    readonly folder: string,
    readonly problems: readonly SkillProblem[],
  ) {
    super(
      "SKILL_INVALID",
      [`skill folder ${JSON.stringify(folder)} is not valid:`, ...problems.map(line)].join("\n  "),
    );
  }
}

const line = ({ file, key, found, expected }: SkillProblem): string =>
  visible(`${key === undefined ? file : `${file}, ${key}`}: found ${found}, expected ${expected}`);

/** A stranger's folder chose some of these characters: none may steer the terminal that shows them. */
const visible = (text: string): string =>
  text.replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);

/** What a fault says, for an operator or an author. */
export const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);
