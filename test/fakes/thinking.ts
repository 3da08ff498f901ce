import type { Agent } from "../../core/agent.ts";
import type { Reply } from "../../core/contract/reply.ts";
import { createPipeline } from "../../core/pipeline.ts";
import type { CoreGatewayOptions } from "./core-gateway.ts";
import { freeContent } from "./safety.ts";
import { forgetful, unlimited } from "./turn.ts";

/** The whole pipeline, with an agent that thinks until the test or somebody in the chat ends it. */
export interface Thinking {
  readonly pipeline: CoreGatewayOptions["pipeline"];
  /** Ids of the messages that it thought of, also again, in order. */
  readonly begun: readonly string[];
  /** It answers this message with `re` and its id. */
  end(id: string): void;
}

export const thinking = (): Thinking => {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const agent: Agent = {
    answer: ({ message, signal }) =>
      new Promise<Reply>((resolve, reject) => {
        signal.throwIfAborted();
        begun.push(message.id);
        ends.set(message.id, () => resolve({ kind: "text", markdown: `re ${message.id}` }));
        signal.abortSignal.addEventListener("abort", () => reject(signal.reason));
      }),
  };
  return {
    begun,
    end: (id) => ends.get(id)?.(),
    pipeline: (needs) =>
      createPipeline({
        ...freeContent,
        ...unlimited(),
        ...forgetful,
        ...{ ...needs, agent, now: () => new Date() },
        roles: { permissionsOf: () => ({ roles: [], has: () => true }) },
        skills: { allowedFor: () => [] },
        welcomed: { markToday: async () => true },
      }),
  };
};
