import { z } from "zod";
import { secret, text, textLike } from "./marks.ts";

const HOST =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/;

/** What a tenant's skills may use without ever holding it. */
export const skillSecretsSchema = z
  .array(
    z.strictObject({
      name: textLike("name of capital letters, digits and _, e.g. WEATHER_KEY", (value) =>
        /^[A-Z][A-Z0-9_]{0,63}$/.test(value),
      ).describe("Name that skills ask for in `clawgate.secrets`."),
      value: secret(
        textLike("one line of plain text", (value) => /^[\x20-\x7e]+$/.test(value)),
      ).describe("The secret itself."),
      host: textLike("host name in lower case, e.g. api.weather.com", (value) =>
        HOST.test(value),
      ).describe("The one host that the secret is sent to; the skill must be able to reach it."),
      skills: z.array(text()).optional().describe("Skills that may use it; absent = all."),
    }),
  )
  .default([])
  .describe(
    "Secrets of the tenant's skills: the sandbox's proxy puts them into requests, a skill never sees them.",
  );
