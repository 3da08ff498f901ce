import { settingsSchema } from "./schema.ts";
import { mapLeaves, unwrap } from "./schema-walk.ts";

const MASK = "********";

/** A copy of the settings in which every secret, and every password in a URL, is asterisks. */
export const maskSecrets = (settings: unknown): unknown =>
  mapLeaves(settings, settingsSchema, (leaf, schema) => {
    const marks = schema && unwrap(schema).marks;
    // Without a schema nobody knows what it is.
    if (!marks || marks.secret) return MASK;
    return marks.mayHoldPassword && typeof leaf === "string" ? maskPassword(leaf) : leaf;
  });

const maskPassword = (value: string): string => {
  if (!URL.canParse(value)) return value.startsWith("file:") ? value : MASK;
  const url = new URL(value);
  // A password may also stand in the query of a PostgreSQL URL.
  if (url.searchParams.has("password")) url.searchParams.set("password", MASK);
  if (url.password !== "") url.password = MASK;
  return url.protocol === "file:" ? value : url.href;
};
