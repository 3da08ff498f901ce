import type { Memory } from "../memory/memory.ts";
import { promptOf } from "../prompt.ts";
import type { Stage } from "../stage.ts";
import { tenantScope } from "../store/scope.ts";
import { whenThere } from "../when-there.ts";

/**
 * Remembers what was asked and answered: the question as the content rules above let it through, the
 * answer as those below do. What was refused is not remembered.
 */
export const remember =
  (memory: Pick<Memory, "prepare" | "recent">): Stage =>
  (context, next) => {
    const { message, tenant, isSensitive = false } = context;
    const { content } = message;
    if (content.kind !== "text") return next(context);
    const scope = tenantScope(tenant.id);
    const earlier = () => memory.recent(scope, message, isSensitive);
    return whenThere(next({ ...context, earlier }), (reply) => {
      const question = promptOf(content);
      // A card alone, or a picture, is nothing that could be told to a model.
      if (reply.kind !== "text" || question.trim() === "" || reply.markdown.trim() === "")
        return reply;
      const exchange = { question, answer: reply.markdown, isSensitive };
      return whenThere(memory.prepare(scope, message, exchange), (work) => {
        context.keep(work);
        return reply;
      });
    });
  };
