import { greeting } from "../greeting.ts";
import { promptOf } from "../prompt.ts";
import type { SkillRunner } from "../skill-runner.ts";
import type { Stage } from "../stage.ts";

/**
 * Greets whoever calls without a word, as with a bare mention, each time: a model has nothing to
 * answer, and silence would look as if nobody were there.
 */
export const called =
  (skills: Pick<SkillRunner, "allowedFor">): Stage =>
  (context, next) => {
    const { content } = context.message;
    if (content.kind !== "text" || promptOf(content).trim() !== "") return next(context);
    const names = skills.allowedFor(context).map(({ name }) => name);
    return { kind: "text", markdown: greeting(context, names) };
  };
