/** An Agent Skills folder that was read and found valid. `name` and `description` are what a model reads. */
export interface Skill {
  readonly name: string;
  readonly description: string;
  /** The Markdown body of SKILL.md. */
  readonly instructions: string;
  /** Absolute path of the folder that it was read from. */
  readonly folder: string;
  /** Bytes by relative name with forward slashes, as they were read: these run, not the folder's. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** SHA-256 over the folder's files, names and bytes, hex: proves which code ran. */
  readonly digest: string;
  /** Absent for a skill that is instructions only. */
  readonly entry?: SkillEntry;
  readonly risk: "low" | "medium" | "high";
  /** `host:port` pairs that the skill asks to reach; asking is not being allowed. */
  readonly egress: readonly string[];
  /** Names of the secrets that the skill asks for; asking is not being allowed. */
  readonly secrets: readonly string[];
  readonly limits: SkillLimits;
  /** JSON schema of the input object; absent = `{"text": string}`. */
  readonly input?: Readonly<Record<string, unknown>>;
  /** JSON schema of the output object; absent = `{"text": string}`. */
  readonly output?: Readonly<Record<string, unknown>>;
}

export interface SkillEntry {
  /** Relative to the folder, forward slashes, e.g. `scripts/run.py`. */
  readonly path: string;
  readonly language: "python" | "javascript" | "bash";
}

/** What the skill asks for; the tenant's sandbox settings cap each. */
export interface SkillLimits {
  readonly wallSeconds?: number;
  readonly cpuSeconds?: number;
  readonly memoryMb?: number;
}
