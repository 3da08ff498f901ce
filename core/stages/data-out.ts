import type { Locale } from "../contract/model.ts";
import type { Answer } from "../contract/reply.ts";
import { refuse } from "../refuse.ts";
import { DataCheck } from "../safety/dlp/data-check.ts";
import type { Dlp } from "../safety/dlp/dlp.ts";
import { filteredProgress, type TextFilter } from "../safety/filtered-progress.ts";
import { createLinkCheck, type LinkCheck } from "../safety/links/link-check.ts";
import { createLinkStream } from "../safety/links/link-stream.ts";
import type { SafetyOf, TenantSafety } from "../safety/tenant-safety.ts";
import { mapAnswer } from "../safety/texts.ts";
import type { Stage } from "../stage.ts";
import { whenThere } from "../when-there.ts";

/** Data-loss prevention of what a person is shown: the answer, and links that would carry data away. */
export const dataOut =
  (safetyOf: SafetyOf): Stage =>
  (context, next) => {
    const { locale, note, progress } = context;
    const safety = safetyOf(context.tenant.id);
    const { dlp } = safety;
    if (!dlp && !safety.allowedDomains) return next(context);
    const links = linksOf(safety);
    const shown =
      progress &&
      filteredProgress(progress, () => {
        const data = dlp ? dataFilter(dlp.out) : (piece: string) => piece;
        const link = createLinkStream(links, REMOVED[locale]);
        return (piece) => data(link(piece));
      });
    return whenThere(next(shown ? { ...context, progress: shown } : context), (reply) => {
      if (reply.kind !== "text") return reply;
      // Links first: an address with something left out of it still leads there.
      const linked = withoutLinks(reply, links, REMOVED[locale], note);
      if (!dlp) return linked;
      const check = new DataCheck(dlp.out);
      const answer = mapAnswer(linked, check.redact);
      if (check.hasFindings) note?.("data_out", check.summary);
      return check.isBlocked ? refuse("DATA_BLOCKED", locale, check.kinds) : answer;
    });
  };

const linksOf = ({ dlp, allowedDomains }: TenantSafety): LinkCheck =>
  createLinkCheck({ ...(dlp && { dlp: dlp.out }), ...(allowedDomains && { allowedDomains }) });

/** Lets through what was found harmless or redacted; nothing more once something blocks. */
const dataFilter = (dlp: Dlp): TextFilter => {
  const stream = dlp.stream();
  let isBlocked = false;
  return (piece) => {
    if (isBlocked) return "";
    const { text, entities, action } = stream.push(piece);
    isBlocked = action === "block";
    return isBlocked ? "" : dlp.redact(text, entities);
  };
};

const withoutLinks = (
  answer: Answer,
  links: LinkCheck,
  removed: string,
  note: ((name: string, value: number) => void) | undefined,
): Answer => {
  let count = 0;
  const clean = mapAnswer(answer, (text) => {
    const offending = links.offendingIn(text);
    count += offending.length;
    return links.replace(text, offending, removed);
  });
  const { card } = clean;
  const isBad = (url: string | undefined) => url !== undefined && links.isOffending(url, "link");
  if (card && isBad(card.link?.url)) count += 1;
  if (card && isBad(card.imageUrl)) count += 1;
  if (count > 0) note?.("links_removed", count);
  if (!card || !(isBad(card.link?.url) || isBad(card.imageUrl))) return clean;
  const { link, imageUrl, ...rest } = card;
  return {
    ...clean,
    card: {
      ...rest,
      ...(link && !isBad(link.url) && { link }),
      ...(imageUrl !== undefined && !isBad(imageUrl) && { imageUrl }),
    },
  };
};

// In the place of an address: it must not look like one itself.
const REMOVED: Readonly<Record<Locale, string>> = {
  en: "(link removed)",
  "zh-Hant": "（連結已移除）",
  "zh-Hans": "（链接已移除）",
};
