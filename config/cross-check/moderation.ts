import { type Draft, itemsOf } from "../draft.ts";
import type { Report } from "../report.ts";
import { createUniqueCheck } from "./unique.ts";

const NEEDS = {
  openai: ["provider", "model"],
  llm: ["provider", "model"],
  aliyun: ["key_id", "key_secret"],
  tencent: ["key_id", "key_secret"],
} as const;

/** Lexicons have names of their own and are used, and classifiers have what their kind needs. */
export const checkModeration = (draft: Draft, report: Report): void => {
  const { moderation } = draft;
  const tenants = itemsOf(draft.multi_tenant?.tenants);
  const used = new Set(tenants.flatMap(([, tenant]) => tenant.lexicons ?? []));
  const sameName = createUniqueCheck(report, "lexicon name");
  for (const [index, { name }] of itemsOf(moderation?.lexicons)) {
    if (name === undefined) continue;
    sameName(name, ["moderation", "lexicons", index, "name"]);
    if (used.has(name)) continue;
    report.warn(
      ["moderation", "lexicons", index, "name"],
      `no tenant names ${name} under its lexicons: its terms are looked for nowhere`,
    );
  }
  if (itemsOf(moderation?.classifiers).length === 0) {
    const says = "true, and moderation.classifiers is empty: nothing but lexicons judges";
    if (moderation?.required) report.warn(["moderation", "required"], says);
    for (const [index, tenant] of tenants) {
      const path = ["multi_tenant", "tenants", index, "moderation", "required"];
      if (tenant.moderation?.required) report.warn(path, says);
    }
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
