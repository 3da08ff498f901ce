/**
 * Whether the words of a link look like an address that the link does not lead to: people trust what
 * they read. Words that only contain an address somewhere do not count.
 */
export const leadsElsewhere = (words: string, url: string): boolean => {
  const [, shown] = ADDRESS.exec(asRead(words)) ?? [];
  if (shown === undefined) return false;
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  return withoutWww(hostOf(shown)) !== withoutWww(host);
};

// A scheme or not, somebody's name or not, then names with dots between them.
const ADDRESS =
  /^(?:[a-z][a-z0-9+.-]{0,30}:\/*)?(?:[^\s/@]{1,64}@)?((?:[\p{L}\p{N}_-]{1,63}\.){1,10}[\p{L}\p{N}-]{2,63})(?:[\s:/?#\\]|$)/iu;

/** As it looks to people: browsers take other dots for dots, too, and nobody sees what is invisible. */
const asRead = (words: string): string =>
  words
    .normalize("NFKC")
    .replace(/[\u3002\uff61]/g, ".")
    .replace(/\p{Cf}/gu, "")
    .trim();

const hostOf = (shown: string): string =>
  URL.canParse(`https://${shown}`) ? new URL(`https://${shown}`).hostname : shown;

const withoutWww = (host: string): string => host.replace(/^www\./, "");
