/** What a member can do to an application or a bot: say something, or something that is an event. */
export const SAID_KINDS = [
  "text",
  "image",
  "voice",
  "video",
  "location",
  "link",
  "file",
  "mixed",
  "click",
  "card-click",
  "enter_agent",
  "subscribe",
  "unsubscribe",
  "view",
  "scan",
  "position",
  "event",
  "feedback",
] as const;

export type SaidKind = (typeof SAID_KINDS)[number];
