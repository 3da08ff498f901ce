import { addressedIn, servedBy } from "../named-agents.ts";
import type { Stage } from "../stage.ts";

/** Hands a text on to the one of the tenant's agents that it names, or to the first. */
export const address = (): Stage => (context, next) => {
  const { message, tenant } = context;
  const { content } = message;
  if (content.kind !== "text") return next(context);
  const { agent, text } = addressedIn(content.text, tenant.agents);
  if (!agent) return next(context);
  return next({
    ...context,
    tenant: servedBy(tenant, agent),
    // A name alone is no question, but it is what the person wrote.
    message: text === "" ? message : { ...message, content: { ...content, text } },
  });
};
