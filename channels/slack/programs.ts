import { type JsonObject, textIn } from "./json.ts";

/** Whether a bot or an app said it; a person's own words bear none of these. */
export const isFromProgram = (message: JsonObject | undefined): boolean =>
  ["bot_id", "app_id", "bot_profile"].some((key) => Boolean(message?.[key])) ||
  textIn(message, "subtype") === "bot_message" ||
  textIn(message, "user") === "USLACKBOT";
