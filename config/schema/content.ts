import { z } from "zod";
import { DETECTORS, DLP_ACTIONS } from "../detectors.ts";
import { textLike } from "./marks.ts";

/** What the built-in detectors do, where it is not what they usually do. */
export const detectorActions = () =>
  z.partialRecord(
    z.enum(DETECTORS),
    z.strictObject({
      in: z
        .enum(DLP_ACTIONS)
        .optional()
        .describe("In what goes to models, skills and memory; absent = as the level above says."),
      out: z
        .enum(DLP_ACTIONS)
        .optional()
        .describe("In what goes to people; absent = as the level above says."),
    }),
  );

const domain = () =>
  textLike("domain, e.g. example.com", (value) =>
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(
      value,
    ),
  );

/** Data-loss prevention of one tenant. */
export const tenantDlpSchema = z.strictObject({
  detectors: detectorActions()
    .optional()
    .describe("Actions of the built-in detectors for this tenant, by detector."),
});

/** Where links in answers may lead. */
export const linksSchema = z.strictObject({
  allowed_domains: z
    .array(domain())
    .describe("Links in answers lead to these domains and those below them; others are removed."),
});
