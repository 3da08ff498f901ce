import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Bot, type SlackApi, startSlackApi } from "../../fakes/slack-api.ts";
import { commandForm, interactionForm, signed, TEAM } from "../../fakes/slack-events.ts";
import { forever, partOf } from "./sender-fixture.ts";
import { type SlackFixture, startedSlack } from "./slack-fixture.ts";

const PATIENT = { timeout: 30_000, interval: 10 };

let api: SlackApi;
let bot: Bot;
let slack: SlackFixture;
beforeEach(async () => {
  api = await startSlackApi();
  bot = api.install(TEAM);
  slack = await startedSlack({
    settings: {
      api_base_url: api.baseUrl,
      workspaces: [{ team_id: TEAM, bot_token: bot.token }],
    },
  });
});
afterEach(async () => {
  await slack.adapter.stop();
  await api.close();
});

const person = { user: { id: "U0ANN", team_id: TEAM }, team: { id: TEAM } };
const shortcut = { type: "shortcut", callback_id: "ask", trigger_id: "7.8.abc", ...person };

const post = (form: string) => slack.post(signed(form, "form"));
const act = (payload: Readonly<Record<string, unknown>>) => post(interactionForm(payload));

interface View {
  readonly callback_id: string;
  readonly private_metadata: string;
  readonly title: { readonly text: string };
}
/** The form that Slack was asked to open. */
const opened = async (): Promise<View> => {
  await vi.waitFor(() => expect(api.callsOf("views.open")).toHaveLength(1), PATIENT);
  return api.callsOf("views.open")[0]?.args.view as View;
};
/** Handed in as Slack does. */
const handIn = (view: View, value: string | null, more: object = {}) =>
  act({
    ...{ type: "view_submission", trigger_id: "9.9.xyz", ...person },
    view: {
      ...{ ...view, id: "V0FORM", hash: "1.a" },
      state: { values: { question: { text: { type: "plain_text_input", value } } } },
      ...more,
    },
  });

describe("a form for a question", () => {
  it("is opened by a shortcut, and what is handed in is one question, answered in the direct chat", async () => {
    expect(await act(shortcut)).toEqual({ status: 200 });
    const view = await opened();
    expect(api.callsOf("views.open")[0]?.args.trigger_id).toBe("7.8.abc");
    expect(view.title.text.length).toBeLessThanOrEqual(24);
    for (let times = 0; times < 2; times++) {
      expect(await handIn(view, "how are <sales> & co?")).toEqual({ status: 200 });
    }
    expect(slack.received).toHaveLength(1);
    const [question] = slack.received;
    expect(question).toMatchObject({
      ...{ workspaceId: TEAM, sender: { id: "U0ANN" } },
      content: { kind: "text", text: "how are <sales> & co?" },
      conversation: { id: "U0ANN", kind: "direct" },
    });
    if (!question) return;
    const [body = ""] = slack.adapter.render({ kind: "text", markdown: "fine" });
    const part = partOf("1.0", question.target, body);
    slack.adapter.progress?.(question.target, "fi");
    expect(await slack.adapter.send(part, forever)).toEqual({
      kind: "delivered",
    });
    expect(api.messages("D0ANN").map(({ text }) => text)).toEqual(["fine"]);
    expect(await slack.adapter.reconcile(part, forever)).toEqual({
      kind: "delivered",
    });
  });

  it("brings a file to the direct chat, too", async () => {
    await act(shortcut);
    await handIn(await opened(), "a report, please");
    const file = { name: "report.csv", bytes: Buffer.from("a,b") };
    const reply = { kind: "text", markdown: "", files: [file] } as const;
    for (const [n, body] of slack.adapter.render(reply).entries()) {
      const target = slack.received[0]?.target;
      if (!target) throw new Error("no question");
      const part = partOf(`1.${n}`, target, body);
      const outcome = await slack.adapter.send(part, forever);
      expect(outcome).toEqual({ kind: "delivered" });
    }
    expect(api.messages("D0ANN").flatMap(({ files }) => files)).toHaveLength(1);
  });

  it("is opened by a command without a question, and asks in the room where that was given", async () => {
    expect(await post(commandForm("  "))).toEqual({ status: 200 });
    await handIn(await opened(), "how are sales?");
    expect(slack.received.map(({ conversation }) => conversation)).toEqual([
      { id: "C0ROOM/U0ANN", kind: "group", room: "C0ROOM" },
    ]);
  });

  it("is acknowledged before Slack's Web API answers, or does not", async () => {
    api.fail("views.open", { kind: "hang" });
    expect(await act(shortcut)).toEqual({ status: 200 });
    expect(slack.received).toEqual([]);
  });

  it.each(["expired_trigger_id", "missing_scope"])(
    "that Slack does not open (%s) is made up for by saying how to ask",
    async (error) => {
      api.fail("views.open", { kind: "error", error });
      await post(commandForm("", { response_url: api.responseUrl() }));
      await vi.waitFor(() => expect(api.responses).toHaveLength(1), PATIENT);
      expect(api.responses[0]?.message).toMatchObject({
        response_type: "ephemeral",
        text: expect.stringContaining("Write your question."),
      });
      expect(slack.log.lines).toContainEqual(
        expect.objectContaining({ fields: expect.objectContaining({ reason: error }) }),
      );
    },
  );

  it("stays open and says what is missing while there is no question in it", async () => {
    await act(shortcut);
    const view = await opened();
    for (const empty of [null, " \n"]) {
      const { status, body } = await handIn(view, empty);
      expect(status).toBe(200);
      expect(JSON.parse(body ?? "")).toEqual({
        response_action: "errors",
        errors: { question: expect.stringContaining("請寫下您的問題") },
      });
    }
    expect(slack.received).toEqual([]);
  });

  it("that is none, or names a room that is none, does no harm", async () => {
    await act(shortcut);
    const view = await opened();
    expect(await handIn(view, "who?", { id: undefined })).toEqual({ status: 200 });
    expect(await act({ type: "view_submission", ...person, view: null })).toEqual({ status: 200 });
    expect(await act({ ...shortcut, trigger_id: undefined })).toEqual({ status: 200 });
    expect(await act({ ...shortcut, user: null })).toEqual({ status: 200 });
    expect(slack.received).toEqual([]);
    await handIn(view, "who?", { private_metadata: "../../C0ROOM" });
    expect(slack.received[0]?.conversation).toEqual({ id: "U0ANN", kind: "direct" });
    expect(api.callsOf("views.open")).toHaveLength(1);
  });

  it("is opened for nobody where the app is not installed", async () => {
    await act({ ...shortcut, team: { id: "T0ELSE" } });
    const line = { text: "the form for a question was not opened" };
    await vi.waitFor(
      () => expect(slack.log.lines).toContainEqual(expect.objectContaining(line)),
      PATIENT,
    );
    expect(api.callsOf("views.open")).toEqual([]);
  });
});
