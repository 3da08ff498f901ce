import { type Draft, itemsOf } from "../draft.ts";
import type { Report } from "../report.ts";
import { createUniqueCheck } from "./unique.ts";

const NEEDS = {
  openai: ["provider", "model"],
  llm: ["provider", "model"],
  aliyun: ["key_id", "key_secret"],
  tencent: ["key_id", "key_secret"],
} as const;

/** Lexicons have names of their own, and classifiers what their kind needs. */
export const checkModeration = ({ moderation }: Draft, report: Report): void => {
  const sameName = createUniqueCheck(report, "lexicon name");
  for (const [index, { name }] of itemsOf(moderation?.lexicons)) {
    if (name !== undefined) sameName(name, ["moderation", "lexicons", index, "name"]);
  }
  for (const [index, classifier] of itemsOf(moderation?.classifiers)) {
    if (classifier.kind === undefined) continue;
    for (const key of NEEDS[classifier.kind]) {
      if (classifier[key] !== undefined) continue;
      const path = ["moderation", "classifiers", index, key];
      report.problem(path, "nothing", `a value, which kind ${classifier.kind} needs`);
    }
  }
};
