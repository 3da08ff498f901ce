import { z } from "zod";
import { unwrap } from "./schema-walk.ts";

/** A schema's type in words, for messages and for the reference. */
export const typeText = (schema: z.core.$ZodType): string => {
  const { core, marks } = unwrap(schema);
  if (marks.label !== undefined) return marks.label;
  if (core instanceof z.ZodEnum || core instanceof z.ZodLiteral) {
    const values = core instanceof z.ZodEnum ? core.options : [...core.values];
    const shown = values.map((value) => JSON.stringify(value)).join(", ");
    return values.length > 1 ? `one of ${shown}` : shown;
  }
  if (core instanceof z.ZodNumber) return numberText(core);
  if (core instanceof z.ZodBoolean) return "true or false";
  if (core instanceof z.ZodString) return "text";
  if (core instanceof z.ZodArray) return `list of ${plural(core.element)}`;
  if (core instanceof z.ZodRecord) return `object: ${plural(core.valueType)} by name`;
  return "object";
};

const plural = (schema: z.core.$ZodType): string => {
  const text = typeText(schema);
  return text === "object" ? "objects" : text;
};

const numberText = (schema: z.ZodNumber): string => {
  const kind = schema.format?.includes("int") ? "integer" : "number";
  const { minValue, maxValue } = schema;
  const hasMin = minValue !== null && minValue > Number.MIN_SAFE_INTEGER;
  const hasMax = maxValue !== null && maxValue < Number.MAX_SAFE_INTEGER;
  // The only exclusive bound in the schema is "above 0".
  const isPositive = schema.def.checks?.some(
    (check) =>
      check._zod.def.check === "greater_than" &&
      !("inclusive" in check._zod.def && check._zod.def.inclusive),
  );
  if (isPositive) return hasMax ? `${kind} above 0, at most ${maxValue}` : `${kind} above 0`;
  if (hasMin && hasMax) return `${kind} ${minValue} to ${maxValue}`;
  if (hasMin) return `${kind}, at least ${minValue}`;
  return hasMax ? `${kind}, at most ${maxValue}` : kind;
};
