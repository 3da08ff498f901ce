import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { renderReference } from "../../config/reference.ts";
import { settingsSchema } from "../../config/schema.ts";
import { unwrap } from "../../config/schema-walk.ts";

const FILE = join(import.meta.dirname, "../../docs/settings.md");

const undescribed = (schema: z.core.$ZodType, path: string): string[] => {
  const { core } = unwrap(schema);
  if (core instanceof z.ZodArray) return undescribed(core.element, `${path}[]`);
  if (core instanceof z.ZodRecord) return undescribed(core.valueType, `${path}.{name}`);
  if (!(core instanceof z.ZodObject)) return [];
  return Object.entries(core.shape).flatMap(([key, child]) => {
    const at = `${path}.${key}`;
    return [...(unwrap(child).description ? [] : [at]), ...undescribed(child, at)];
  });
};

describe("docs/settings.md", () => {
  it("is what the schema says; UPDATE_DOCS=1 writes it anew", () => {
    const reference = renderReference(settingsSchema);
    if (process.env.UPDATE_DOCS === "1") writeFileSync(FILE, reference);
    expect(readFileSync(FILE, "utf8")).toBe(reference);
  });

  it("has a sentence for every key", () => {
    expect(undescribed(settingsSchema, "")).toEqual([]);
  });
});
