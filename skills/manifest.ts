import { extname } from "node:path/posix";
import { z } from "zod";
import type { SkillEntry, SkillLimits } from "../core/contract/skill.ts";

const LANGUAGES: Readonly<Record<string, SkillEntry["language"]>> = {
  ".py": "python",
  ".js": "javascript",
  ".mjs": "javascript",
  ".cjs": "javascript",
  ".sh": "bash",
};

const ENTRY_EXTENSIONS = Object.keys(LANGUAGES).join(", ");
const MAX_LIMIT = { wall_seconds: 3600, cpu_seconds: 3600, memory_mb: 65_536 };

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== "");

const characters = (from: number, to: number) =>
  z
    .string(`text (quote it if it looks like a number, a date or a boolean)`)
    .refine((text) => [...text].length >= from && [...text].length <= to, {
      error: `${from} to ${to} characters`,
    })
    .refine((text) => !STEERING.test(text), {
      error: "no control characters, and none that turn the direction of writing",
    });

// A terminal, a chat or a log that shows such a text would show something else.
const STEERING = /[^\P{Cc}\t\n]|[\u202a-\u202e\u2066-\u2069]/u;

/** Relative, forward slashes, no empty, `.` or `..` part; what it names is looked up later. */
const path = z
  .string("text")
  .refine((text) => text.split("/").every((part) => part !== "" && !/^\.{1,2}$|\\/.test(part)), {
    error: "a path relative to the folder, with forward slashes and without `..`",
  });

const entry = path
  .refine((text) => extname(text) in LANGUAGES, { error: `a file ending in ${ENTRY_EXTENSIONS}` })
  .transform((text, context): SkillEntry => {
    const language = LANGUAGES[extname(text)];
    if (language !== undefined) return { path: text, language };
    context.addIssue(`a file ending in ${ENTRY_EXTENSIONS}`);
    return z.NEVER;
  });

// A last label that begins with a letter keeps every notation of an IP address out.
const HOST = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

const isHostPort = (word: string): boolean => {
  const [host = "", port = "", ...rest] = word.split(":");
  const isPort = /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535;
  return rest.length === 0 && host.length <= 253 && HOST.test(host) && isPort;
};

const egress = z
  .string("text")
  .transform(words)
  .refine((list) => list.every(isHostPort), {
    error: "`host:port` separated by spaces; lower-case DNS names, no IP addresses",
  })
  .refine((list) => list.length <= 64, { error: "at most 64 hosts" });

const secrets = z
  .string("text")
  .transform(words)
  .refine((list) => list.every((word) => /^[A-Z][A-Z0-9_]{0,63}$/.test(word)), {
    error: "names of capital letters, digits and underscores, separated by spaces",
  })
  .refine((list) => list.length <= 64, { error: "at most 64 names" });

const limits = z.string("text").transform((text, context): SkillLimits => {
  const found = new Map<string, number>();
  for (const word of words(text)) {
    const [key = "", value = "", ...rest] = word.split("=");
    const max = Object.entries(MAX_LIMIT).find(([name]) => name === key)?.[1];
    const isFine = max !== undefined && rest.length === 0 && /^[1-9]\d{0,5}$/.test(value);
    if (!isFine || Number(value) > max || found.has(key)) {
      context.addIssue(
        `each of ${Object.keys(MAX_LIMIT).join(", ")} at most once, as \`key=number\`, ` +
          `whole and from 1 to ${Object.values(MAX_LIMIT).join(", ")}`,
      );
      return z.NEVER;
    }
    found.set(key, Number(value));
  }
  const [wallSeconds, cpuSeconds, memoryMb] = Object.keys(MAX_LIMIT).map((key) => found.get(key));
  return {
    ...(wallSeconds !== undefined && { wallSeconds }),
    ...(cpuSeconds !== undefined && { cpuSeconds }),
    ...(memoryMb !== undefined && { memoryMb }),
  };
});

/** Our part of `metadata`. Keys of others are theirs; an unknown key of ours is a mistake. */
const CONTRACT = {
  "clawgate.entry": entry.optional(),
  "clawgate.egress": egress.default([]),
  "clawgate.secrets": secrets.default([]),
  "clawgate.risk": z.enum(["low", "medium", "high"], "low, medium or high").default("low"),
  "clawgate.input": path.optional(),
  "clawgate.output": path.optional(),
  "clawgate.limits": limits.default({}),
};

const metadata = z
  .object(CONTRACT, "a map")
  .catchall(z.string("text (quote it if it looks like a number, a date or a boolean)"))
  .superRefine((map, context) => {
    for (const key of Object.keys(map)) {
      if (!key.startsWith("clawgate.") || key in CONTRACT) continue;
      const known = Object.keys(CONTRACT).join(", ");
      context.addIssue({ code: "custom", path: [key], message: `one of ${known}` });
    }
  });

/**
 * The front matter of a SKILL.md: exactly the keys of the open specification, and in `metadata`
 * the gateway's contract. Messages of its issues say what is expected.
 * @see https://agentskills.io/specification
 */
export const manifestSchema = z.strictObject({
  name: z
    .string("text")
    .max(64, "at most 64 characters")
    .regex(
      /^[a-z0-9]+(?:-[a-z0-9]+)*$/,
      "lower-case letters and digits, in words joined by single hyphens",
    ),
  description: characters(1, 1024),
  license: characters(1, 500).optional(),
  compatibility: characters(1, 500).optional(),
  metadata: metadata.prefault({}),
  "allowed-tools": z.string("tool names separated by spaces").optional(),
});
