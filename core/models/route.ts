import type { ModelChoice } from "../../config/tenant.ts";
import type { Tool } from "../contract/model.ts";
import { allowedRegions } from "../residency.ts";
import type { Context } from "../stage.ts";
import { fittingTool } from "./fit.ts";

/** UTF-16 units of a text that may be simple. */
const SIMPLE_UNITS = 160;

/**
 * The models that may answer a turn, in the order to ask them: of the tenant's own list, and none
 * that lies where this turn's data may not go. Empty when no model is left.
 */
export const modelsFor = (context: Context, tools: readonly Tool[]): readonly ModelChoice[] => {
  const regions = allowedRegions(context);
  return inOrder(context, tools).filter(
    (choice, index, all) =>
      regions.has(choice.region) && all.findIndex((other) => isSame(choice, other)) === index,
  );
};

const isSame = (one: ModelChoice, other: ModelChoice): boolean =>
  one.provider === other.provider && one.model === other.model;

const inOrder = (context: Context, tools: readonly Tool[]): readonly ModelChoice[] => {
  const { tenant, isSensitive } = context;
  const { fallback, light, sensitive } = tenant;
  if (tenant.isOtherSystem) return [tenant];
  if (isSensitive && sensitive) return [sensitive, ...fallback];
  if (light && isSimple(context, tools)) return [light, tenant, ...fallback];
  return [tenant, ...fallback];
};

/** A short line with nothing attached that no skill fits: small talk, a word to look up. */
const isSimple = ({ message: { content } }: Context, tools: readonly Tool[]): boolean =>
  content.kind === "text" &&
  content.text.length <= SIMPLE_UNITS &&
  !/[\r\n]/.test(content.text.trim()) &&
  content.quote === undefined &&
  (content.attachments ?? []).length === 0 &&
  fittingTool(content.text, tools) === undefined;
