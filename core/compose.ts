import type { Reply } from "./contract/reply.ts";
import type { Context, Stage } from "./stage.ts";

/** Turns the list into one function: the first stage is the outermost, the last must answer. */
export const compose =
  (stages: readonly Stage[]) =>
  (context: Context): Promise<Reply> => {
    const run = (index: number, context: Context): Promise<Reply> => {
      const stage = stages[index];
      if (!stage) return Promise.reject(new Error("the last stage called next()"));
      return stage(context, (changed = context) => run(index + 1, changed));
    };
    return run(0, context);
  };
