import MarkdownIt from "markdown-it";
import type { Dlp } from "../dlp/dlp.ts";
import { type FoundLink, findLinks, MAX_LINKS } from "./find-links.ts";
import { cargoOf, cargoText, isLarge, isSuspicious, parsePlace } from "./url-data.ts";

/** Judges where links lead and what they carry. */
export interface LinkCheck {
  /** Those that must not be shown and start at `from` or later, in order, without overlaps. */
  offendingIn(text: string, from?: number): readonly FoundLink[];
  isOffending(url: string, kind: FoundLink["kind"]): boolean;
  /** The text with `removed` in the place of each of these links; the rest stays as it is. */
  replace(text: string, links: readonly FoundLink[], removed: string): string;
}

export interface LinkRules {
  /** Absent = no data is looked for: only the domains count. */
  readonly dlp?: Dlp;
  /** Links lead to these domains, or those below them; absent = anywhere. */
  readonly allowedDomains?: ReadonlySet<string>;
}

// They do something themselves instead of leading somewhere.
const ACTIVE = /^(?:javascript|vbscript|data|file|blob):/i;
const INVISIBLE = /[\p{Cf}\p{Cc}]/gu;
const { unescapeAll } = new MarkdownIt().utils;

export const createLinkCheck = ({ dlp, allowedDomains }: LinkRules): LinkCheck => {
  const inspect = (text: string): boolean => {
    const action = dlp?.inspect(text).action ?? "allow";
    return action === "redact" || action === "block";
  };

  const holdsData = (url: URL, isTrusted: boolean, kind: FoundLink["kind"]): boolean => {
    if (!dlp) return false;
    if (url.username !== "" || url.password !== "") return true;
    if (kind === "image" && !isTrusted && url.search !== "") return true;
    const cargo = cargoOf(url);
    if (!isTrusted && (isLarge(url) || isSuspicious(cargo, kind))) return true;
    return inspect(cargoText(cargo));
  };

  const isOffending = (raw: string, kind: FoundLink["kind"]): boolean => {
    const text = unescapeAll(raw).replace(INVISIBLE, "").trim();
    if (ACTIVE.test(text)) return true;
    const place = parsePlace(text);
    // Nothing that leads anywhere, unless a client is more forgiving than we are.
    if (place === "none") return false;
    if (place === "unreadable") return allowedDomains !== undefined || inspect(text);
    const { hostname, protocol } = place;
    const isMail = protocol === "mailto:";
    const isTrusted = allowedDomains !== undefined && isWithin(hostname, allowedDomains);
    if (allowedDomains && !isTrusted && !isMail) return true;
    return holdsData(place, isTrusted, kind);
  };

  const greedyHoldsData = (text: string, { start, end, greedyEnd, kind }: FoundLink): boolean => {
    if (greedyEnd <= end) return false;
    const place = parsePlace(unescapeAll(text.slice(start, greedyEnd)).replace(INVISIBLE, ""));
    if (typeof place === "string") return inspect(text.slice(start, greedyEnd));
    const isTrusted = allowedDomains !== undefined && isWithin(place.hostname, allowedDomains);
    return holdsData(place, isTrusted, kind);
  };

  return {
    isOffending,
    offendingIn: (text, from = 0) => {
      const offending: FoundLink[] = [];
      let last = from;
      let judged = 0;
      for (const link of findLinks(text, from)) {
        judged++;
        if (link.start < last || link.end <= link.start) continue;
        const isShort =
          judged > MAX_LINKS || isOffending(text.slice(link.start, link.end), link.kind);
        if (!isShort && !greedyHoldsData(text, link)) continue;
        const found = isShort ? link : { ...link, end: link.greedyEnd };
        offending.push(found);
        last = found.end;
      }
      return offending;
    },
    replace: (text, links, removed) => {
      let out = "";
      let at = 0;
      for (const { start, end, isDestination } of links) {
        // In the round brackets of a Markdown link the brackets are there already.
        out += text.slice(at, start) + (isDestination ? removed.slice(1, -1) : removed);
        at = end;
      }
      return out + text.slice(at);
    },
  };
};

const isWithin = (hostname: string, domains: ReadonlySet<string>): boolean => {
  const host = hostname.toLowerCase().replace(/\.$/, "");
  for (let at = 0; at >= 0; at = host.indexOf(".", at) + 1 || -1) {
    if (domains.has(host.slice(at))) return true;
  }
  return false;
};
