/** An object as Discord sent it, of which nothing is known yet. */
export type Payload = Readonly<Record<string, unknown>>;

export const isPayload = (value: unknown): value is Payload =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The object behind a name; undefined where there is none. */
export const objectIn = (from: Payload | undefined, name: string): Payload | undefined => {
  const value = from?.[name];
  return isPayload(value) ? value : undefined;
};

/** The objects that are listed behind a name; what is none is left out. */
export const objectsIn = (from: Payload | undefined, name: string): readonly Payload[] => {
  const value = from?.[name];
  return Array.isArray(value) ? value.filter(isPayload) : [];
};

export const textIn = (from: Payload | undefined, name: string): string | undefined => {
  const value = from?.[name];
  return typeof value === "string" ? value : undefined;
};

export const numberIn = (from: Payload | undefined, name: string): number | undefined => {
  const value = from?.[name];
  return typeof value === "number" ? value : undefined;
};

/** The id behind a name: 64 bits in decimal digits, which a number would round. */
export const idIn = (from: Payload | undefined, name: string): string | undefined => {
  const value = from?.[name];
  return isId(value) ? value : undefined;
};

/** The ids that are listed behind a name. */
export const idsIn = (from: Payload | undefined, name: string): readonly string[] => {
  const value = from?.[name];
  return Array.isArray(value) ? value.filter(isId) : [];
};

/** @see https://discord.com/developers/docs/reference#snowflakes */
const isId = (value: unknown): value is string =>
  typeof value === "string" && /^[1-9]\d{0,19}$/.test(value);

/** Whether one id was given out after another. */
export const isAfter = (id: string, other: string): boolean => BigInt(id) > BigInt(other);

const EPOCH_MS = 1_420_070_400_000n;

/** The first id that can be given out at an instant. */
export const idAt = (at: Date): string => String((BigInt(at.getTime()) - EPOCH_MS) << 22n);

/** When an id was given out. */
export const timeOf = (id: string): Date => new Date(Number((BigInt(id) >> 22n) + EPOCH_MS));
