import type { Log } from "../../core/contract/log.ts";
import { describe } from "./access-token.ts";
import type { Ask } from "./contacts.ts";
import { CHANNEL } from "./types.ts";

/** Whom the tags of one corp are given to; what the platform said is kept for a minute. */
export interface Tags {
  /** Undefined = it could not be asked, which is said in the log. Never throws. */
  holdersOf(tagId: string, ask: Ask): Promise<Holders | undefined>;
}

export interface Holders {
  /** In lower case: WeCom ignores the case of user ids. */
  readonly userIds: ReadonlySet<string>;
  /** Everybody who is directly in one of these departments has the tag, too. */
  readonly departmentIds: ReadonlySet<number>;
}

export interface TagsOptions {
  readonly corpId: string;
  readonly log: Log;
  readonly now: () => Date;
}

// Who loses a tag has its roles no longer than this.
const KEPT_MS = 60_000;
// What could not be asked is asked again soon.
const FAILED_MS = 15_000;
const REMEMBERED = 1_000;
// A turn must not wait long for a platform that does not answer.
const LONGEST_MS = 3_000;

/** @see https://developer.work.weixin.qq.com/document/path/90213 */
export const createTags = ({ corpId, log, now }: TagsOptions): Tags => {
  const known = new Map<
    string,
    { readonly holders: Promise<Holders | undefined>; until: number }
  >();

  const fetchHolders = async (tagId: string, ask: Ask): Promise<Holders | undefined> => {
    const signal = AbortSignal.timeout(LONGEST_MS);
    const result = await ask("/cgi-bin/tag/get", { tagid: tagId }, signal);
    if (result.kind === "answered" && result.errcode === 0) return readHolders(result.body);
    log.warn(
      {
        channel: CHANNEL,
        corpId,
        tagId,
        reason: describe(result),
        alert: "wecom_tag_unavailable",
      },
      "tag/get does not say who has a tag: roles that are bound to it are given to nobody",
    );
    return undefined;
  };

  return {
    holdersOf: (tagId, ask) => {
      const remembered = known.get(tagId);
      if (remembered && remembered.until > now().getTime()) return remembered.holders;
      const entry = { holders: fetchHolders(tagId, ask), until: now().getTime() + KEPT_MS };
      void entry.holders.then((holders) => {
        if (!holders) entry.until = now().getTime() + FAILED_MS;
      });
      known.delete(tagId);
      known.set(tagId, entry);
      const [oldest] = known.keys();
      if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
      return entry.holders;
    },
  };
};

const readHolders = ({ userlist, partylist }: Readonly<Record<string, unknown>>): Holders => ({
  userIds: new Set(
    listOf(userlist).flatMap((entry) => {
      const { userid } = (entry ?? {}) as { readonly userid?: unknown };
      return typeof userid === "string" ? [userid.toLowerCase()] : [];
    }),
  ),
  departmentIds: new Set(listOf(partylist).filter((id): id is number => Number.isSafeInteger(id))),
});

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
