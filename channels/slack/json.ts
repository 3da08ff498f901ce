/** What JSON.parse makes of an object; read with the functions below only. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The object in a JSON text; undefined for a text that is not JSON, or not an object. */
export const readObject = (text: string): JsonObject | undefined => {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
};

/** `value` as an object; undefined for anything else, lists included. */
export const asObject = (value: unknown): JsonObject | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;

/** The object behind a name; undefined where there is none. */
export const objectIn = (object: JsonObject | undefined, name: string): JsonObject | undefined =>
  asObject(object?.[name]);

/** The objects that are listed behind a name; what else is in the list is left out. */
export const objectsIn = (object: JsonObject | undefined, name: string): readonly JsonObject[] => {
  const list: unknown = object?.[name];
  return Array.isArray(list) ? list.map(asObject).filter((item) => item !== undefined) : NONE;
};

const NONE: readonly JsonObject[] = [];

/** The text behind a name; undefined where there is none, or an empty one. */
export const textIn = (object: JsonObject | undefined, name: string): string | undefined => {
  const value = object?.[name];
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** Whether a name says yes; Slack writes some of them as text. */
export const isTrue = (object: JsonObject | undefined, name: string): boolean =>
  object?.[name] === true || object?.[name] === "true";
