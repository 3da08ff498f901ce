import type { InboundMessage } from "../../core/contract/message.ts";
import { type JsonObject, objectIn, textIn } from "./json.ts";
import type { Parsed } from "./parsed.ts";
import { slackTarget } from "./target.ts";
import { CHANNEL, isSlackId } from "./types.ts";

/** Where somebody wants to ask, and what opens a form for them; it does so for 3 s. */
export interface FormRequest {
  readonly teamId: string;
  readonly triggerId: string;
  /** The room where the command was given; absent where they are in none. */
  readonly roomId?: string;
  /** Where they are told how to ask if no form can be opened; a secret. */
  readonly responseUrl?: string;
}

const CALLBACK_ID = "clawgate/question";
const BLOCK_ID = "question";
const ACTION_ID = "text";

// Whose language it is, Slack does not say.
/** Said where a question was expected and none came. */
export const HOW_TO_ASK = "Write your question. · 請寫下您的問題。 · 请写下您的问题。";

/**
 * A modal with a field for one question. The room is only named: who submits the form is judged by
 * that room's tenant, and answered in the direct chat.
 * @see https://docs.slack.dev/reference/views/modal-views
 */
export const questionForm = ({ roomId = "" }: Pick<FormRequest, "roomId">): object => ({
  type: "modal",
  callback_id: CALLBACK_ID,
  private_metadata: roomId,
  title: plain("Ask · 提問 · 提问"),
  submit: plain("Send · 送出 · 发送"),
  close: plain("Cancel · 取消"),
  blocks: [
    {
      type: "input",
      block_id: BLOCK_ID,
      label: plain("Your question · 您的問題 · 您的问题"),
      hint: plain(
        "The answer comes in your chat with this app. · 答覆會出現在您與此應用程式的對話中。 · 答复会出现在您与此应用的对话中。",
      ),
      element: {
        type: "plain_text_input",
        action_id: ACTION_ID,
        multiline: true,
        focus_on_load: true,
      },
    },
  ],
});

const plain = (text: string) => ({ type: "plain_text", text, emoji: false });

/** Whether a `view_submission` hands in our form for questions. */
export const isQuestionForm = (payload: JsonObject): boolean =>
  textIn(objectIn(payload, "view"), "callback_id") === CALLBACK_ID;

/** What answers a form without a question: it stays open and says what is missing. */
export const formErrors = (): object => ({
  response_action: "errors",
  errors: { [BLOCK_ID]: HOW_TO_ASK },
});

/**
 * The question in a form that was handed in. Of one form there is one, however often it comes.
 * @see https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
 */
export const questionIn = (
  payload: JsonObject,
  teamId: string,
  sender: InboundMessage["sender"],
  now: Date,
): Parsed => {
  const view = objectIn(payload, "view");
  const viewId = textIn(view, "id");
  if (!isSlackId(viewId)) return { kind: "ignored", reason: "NOT_READABLE" };
  const values = objectIn(objectIn(view, "state"), "values");
  const text = textIn(objectIn(objectIn(values, BLOCK_ID), ACTION_ID), "value") ?? "";
  if (text.trim() === "") return { kind: "ignored", reason: "EMPTY_QUESTION" };
  const { id: userId } = sender;
  const id = [teamId, "question", viewId].join("/");
  const room = textIn(view, "private_metadata");
  const message: InboundMessage = {
    id,
    channel: CHANNEL,
    workspaceId: teamId,
    // The same as by a command there; in no room it is between the two of us.
    conversation:
      isSlackId(room) && !room.startsWith("D")
        ? { id: `${room}/${userId}`, kind: "group", room }
        : { id: userId, kind: "direct" },
    sender,
    content: { kind: "text", text },
    target: slackTarget({ teamId, channelId: userId, userId, replyTo: id }),
    sentAt: now,
  };
  return { kind: "message", message };
};
