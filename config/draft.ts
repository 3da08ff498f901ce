import type { Settings } from "./schema.ts";

/** `T` from which anything may be missing because it was wrong; list positions are kept. */
export type Partially<T> = T extends readonly (infer U)[]
  ? readonly (Partially<U> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Partially<T[K]> | undefined }
    : T;

/**
 * Settings as far as they are right: what is here has its type, what was wrong is absent. Lets the
 * rules that look across keys report beside the other problems. Defaults may be absent too.
 */
export type Draft = Partially<Settings>;

/** A list of the draft as (index, item) pairs, without the items that were wrong. */
export const itemsOf = <T>(
  list: readonly (T | undefined)[] | undefined,
): readonly (readonly [number, T])[] =>
  (list ?? []).flatMap((item, index) => (item === undefined ? [] : [[index, item] as const]));
