import type { Next, Stage } from "./stage.ts";

/** Turns the list into one function: the first stage is the outermost, the last must answer. */
export const compose = (stages: readonly Stage[]): Next =>
  stages.reduceRight<Next>(
    (next, stage) => (context) => stage(context, next),
    () => {
      throw new Error("the last stage called next");
    },
  );
