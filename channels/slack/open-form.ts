import type { Log } from "../../core/contract/log.ts";
import { createDeadline } from "../deadline.ts";
import { describe } from "./api-outcome.ts";
import type { Post } from "./http.ts";
import { type FormRequest, HOW_TO_ASK, questionForm } from "./question-form.ts";
import { postResponse } from "./response-url.ts";
import { CHANNEL } from "./types.ts";
import type { WebApi } from "./web-api.ts";
import type { Workspaces } from "./workspaces.ts";

/** Opens the form for a question; where that cannot be, says how to ask. Never rejects. */
export type OpenForm = (request: FormRequest) => Promise<void>;

export interface OpenFormParts {
  readonly api: WebApi;
  readonly workspaces: Pick<Workspaces, "tokenFor">;
  readonly baseUrl: string;
  readonly post: Post;
  readonly log: Log;
  /** Aborted when the channel is stopped. */
  readonly signal: AbortSignal;
}

/** As long as what opens it lives. */
const OPEN_MS = 3_000;
const SAY_MS = 8_000;

/** @see https://docs.slack.dev/reference/methods/views.open */
export const createOpenForm = (parts: OpenFormParts): OpenForm => {
  const { api, workspaces, baseUrl, post, log, signal } = parts;

  const within = async <T>(ms: number, call: (limit: AbortSignal) => Promise<T>): Promise<T> => {
    const deadline = createDeadline(ms, signal);
    try {
      return await call(deadline.signal);
    } finally {
      deadline.clear();
    }
  };

  /** Why it is not open, fit for a log; undefined where it is. */
  const open = async (request: FormRequest): Promise<string | undefined> => {
    const token = await workspaces.tokenFor(request.teamId);
    if (token === undefined) return "the app is not installed there";
    const args = { trigger_id: request.triggerId, view: questionForm(request) };
    const outcome = await within(OPEN_MS, (limit) => api.call(token, "views.open", args, limit));
    return outcome.kind === "ok" ? undefined : describe(outcome);
  };

  return async (request) => {
    const { teamId, responseUrl } = request;
    const reason = await open(request).catch(() => "the workspace's token is away");
    if (reason === undefined) return;
    log.warn({ channel: CHANNEL, teamId, reason }, "the form for a question was not opened");
    if (responseUrl === undefined) return;
    const message = { response_type: "ephemeral", text: HOW_TO_ASK };
    await within(SAY_MS, (limit) => postResponse(responseUrl, message, baseUrl, post, limit));
  };
};
