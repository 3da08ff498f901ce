import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { fromBody } from "../../../channels/slack/outgoing.ts";
import { render } from "../../../channels/slack/render.ts";
import { PayloadError, SignatureError } from "../../../core/contract/errors.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import {
  BOT_USER,
  clickPayload,
  commandForm,
  directMessage,
  eventBody,
  interactionForm,
  mention,
  newTs,
  roomMessage,
  signed,
  TEAM,
} from "../../fakes/slack-events.ts";
import { type FixtureOptions, type SlackFixture, startedSlack } from "./slack-fixture.ts";

let running: SlackFixture[] = [];
const start = async (options?: FixtureOptions): Promise<SlackFixture> => {
  const slack = await startedSlack(options);
  running.push(slack);
  return slack;
};
afterEach(async () => {
  await Promise.all(running.map(({ adapter }) => adapter.stop()));
  running = [];
});

const tell = (slack: SlackFixture, event: object, more: object = {}) =>
  slack.post(signed(JSON.stringify(eventBody({ ...event }, { ...more }))));

/** What is received of these events, told one after the other. */
const heard = async (events: readonly object[], more: object = {}) => {
  const slack = await start();
  for (const event of events) expect((await tell(slack, event, more)).status).toBe(200);
  return slack.received;
};

const textOf = (message: { content: { kind: string; text?: string } } | undefined) =>
  message?.content.text;

const CALLED = `<@${BOT_USER}> how are sales?`;

describe("what is meant for us", () => {
  it("is everything in a direct chat, answered beside it or in the thread where it was asked", async () => {
    const received = await heard([
      directMessage("one"),
      directMessage("two", { thread_ts: "1699999999.000001" }),
    ]);
    expect(received.map(({ conversation }) => conversation)).toEqual([
      { id: "D0ANN", kind: "direct" },
      { id: "D0ANN/1699999999.000001", kind: "direct", room: "D0ANN" },
    ]);
    expect(received.map(({ target }) => target.address)).toEqual([
      "D0ANN//U0ANN",
      "D0ANN/1699999999.000001/U0ANN",
    ]);
  });

  it.each(["app_home", "something_new", undefined])(
    "is always meant for us in the chat with us, also where Slack calls that %s",
    async (type) => {
      const [received] = await heard([directMessage("hello", { channel_type: type })]);
      expect(received?.conversation).toMatchObject({ id: "D0ANN", kind: "direct" });
    },
  );

  it.each([
    ["a channel", "C0ROOM", "channel"],
    ["a private channel", "G0ROOM", "group"],
    ["a group chat", "G0MPIM", "mpim"],
  ])(
    "needs a mention in %s, and is answered in the question's thread",
    async (_, channel, type) => {
      const room = { channel, channel_type: type };
      const said = roomMessage(CALLED, room);
      const received = await heard([roomMessage("among ourselves", room), said]);
      expect(received.map(textOf)).toEqual(["how are sales?"]);
      expect(received[0]?.conversation).toEqual({
        ...{ id: `${channel}/${said.ts}`, kind: "group", room: channel },
      });
      expect(received[0]?.target.address).toBe(`${channel}/${said.ts}/U0ANN`);
    },
  );

  it("is one message where a mention is told twice, in whatever order", async () => {
    const ts = newTs();
    const both = [mention(CALLED, { ts }), roomMessage(CALLED, { ts })];
    for (const events of [both, [...both].reverse()]) {
      const received = await heard(events);
      expect(received.map(({ id }) => id)).toEqual([`${TEAM}/C0ROOM/${ts}`]);
      expect(textOf(received[0])).toBe("how are sales?");
    }
  });

  it("is what is said in a thread where we were called, also after a restart", async () => {
    const state = memoryState();
    const root = newTs();
    const before = await start({ state });
    await tell(before, roomMessage("nobody called", { thread_ts: root }));
    await tell(before, mention(CALLED, { ts: root }));
    await tell(before, roomMessage("and last year?", { thread_ts: root }));
    expect(before.received.map(textOf)).toEqual(["how are sales?", "and last year?"]);
    const after = await start({ state });
    await tell(after, roomMessage("and before?", { thread_ts: root }));
    await tell(after, roomMessage("another thread", { thread_ts: newTs() }));
    await tell(after, roomMessage("another room", { thread_ts: root, channel: "C0OTHER" }));
    expect(after.received.map(textOf)).toEqual(["and before?"]);
    expect(after.received[0]?.conversation.id).toBe(`C0ROOM/${root}`);
  });

  it("is what is said under a message of ours", async () => {
    const reply = { thread_ts: newTs(), parent_user_id: BOT_USER };
    expect(await heard([roomMessage("thanks", reply)])).toHaveLength(1);
  });

  it("is a mention after a stranger called in the same thread, but no reply without one", async () => {
    const root = newTs();
    const received = await heard([
      mention(CALLED, { ts: root, user_team: "T0ELSE" }),
      roomMessage("what is that?", { thread_ts: root }),
    ]);
    expect(received.map(({ sender }) => sender.isExternal)).toEqual([true]);
  });

  it("is found although the event does not say who we are", async () => {
    const slack = await start();
    const said = mention(CALLED);
    expect((await tell(slack, said, { authorizations: [] })).status).toBe(200);
    expect(slack.received.map(textOf)).toEqual(["how are sales?"]);
    // Its twin cannot be read yet: nobody knows whom it calls, so it has to be told again.
    const twin = { ...roomMessage(CALLED), ts: newTs() };
    expect((await tell(slack, twin, { authorizations: [] })).status).toBe(503);
    expect(slack.metrics.counted).toContain("told text store failed");
  });

  it.each([
    ["a bot's message", { bot_id: "B0", subtype: "bot_message" }],
    ["what an app says for somebody", { app_id: "A0", user: "U0ANN" }],
    ["our own message", { user: BOT_USER }],
    ["Slackbot's", { user: "USLACKBOT" }],
    ["somebody's arrival", { subtype: "channel_join" }],
    ["a kind that nobody knows", { subtype: "holodeck" }],
    ["one without a sender", { user: undefined }],
    ["one without a time stamp", { ts: undefined }],
    ["one from a room that is none", { channel: "../../etc" }],
  ])("is never %s", async (_, more) => {
    expect(await heard([directMessage(CALLED, more), mention(CALLED, more)].slice(0, 1))).toEqual(
      [],
    );
  });
});

describe("a message that was changed", () => {
  const change = (before: object, after: object, room: object = {}) => ({
    ...{ type: "message", subtype: "message_changed", hidden: true },
    ...{ channel: "D0ANN", channel_type: "im", ts: newTs(), ...room },
    message: after,
    previous_message: before,
  });
  const inRoom = { channel: "C0ROOM", channel_type: "channel" };
  const edited = { edited: { user: "U0ANN", ts: "1700000099.000000" } };

  it("is one more message, once, when a person changed its words", async () => {
    const { channel, channel_type, ...before } = directMessage("how are sails?");
    const after = { ...before, text: "how are sales?", ...edited };
    const received = await heard([change(before, after), change(before, after)]);
    expect(received.map(({ id }) => id)).toEqual([
      `${TEAM}/D0ANN/${before.ts}/edit/1700000099.000000`,
    ]);
    expect(received.map(textOf)).toEqual(["how are sales?"]);
  });

  it("counts in a room where it calls us, or stands in a thread of ours", async () => {
    const { channel, channel_type, ...before } = roomMessage("how are sales?");
    const after = { ...before, text: CALLED, ...edited };
    const silent = { ...before, text: "never mind", ...edited };
    expect(await heard([change(before, silent, inRoom)])).toEqual([]);
    expect(await heard([change(before, after, inRoom)])).toHaveLength(1);
    const called = mention(CALLED, { ts: before.ts });
    expect(await heard([called, change(before, silent, inRoom)])).toHaveLength(2);
  });

  it("is told once where the change calls us, although Slack tells it twice", async () => {
    const { channel, channel_type, ...before } = roomMessage("how are sales?");
    const after = { ...before, text: CALLED, ...edited };
    const twin = mention(CALLED, { ts: before.ts, ...edited });
    for (const events of [
      [twin, change(before, after, inRoom)],
      [change(before, after, inRoom), twin],
    ]) {
      expect(await heard(events)).toHaveLength(1);
    }
  });

  it.each([
    ["only its links unfold", { attachments: [{ title: "x" }] }],
    ["its words stay the same", { edited: { user: "U0ANN", ts: "1700000098.000000" } }],
    ["it is an answer of ours", { text: "more", user: BOT_USER, ...edited }],
    ["it is a bot's", { text: "more", bot_id: "B0", ...edited }],
  ])("is nothing new when %s", async (_, more) => {
    const { channel, channel_type, ...before } = directMessage("hello");
    expect(await heard([change(before, { ...before, ...more })])).toEqual([]);
  });

  it.each([
    ["in a direct chat", directMessage("hello"), {}],
    ["in a direct chat, with answers in its thread", directMessage("hello"), { isRoot: true }],
    ["in a thread of a direct chat", directMessage("hi", { thread_ts: "1699999999.1" }), {}],
    ["in a room", roomMessage(CALLED), {}],
    ["in a room, with answers in its thread", roomMessage(CALLED), { isRoot: true }],
  ])("lies, deleted %s, in the conversation that it was asked in", async (_, said, how) => {
    const { channel, channel_type, ...asked } = said;
    const before = { ...asked, ...("isRoot" in how && { thread_ts: asked.ts }) };
    const room = { channel, channel_type };
    const gone = {
      ...{ ...change(before, before, room), subtype: "message_deleted", deleted_ts: asked.ts },
    };
    const [question, deletion] = await heard([said, gone]);
    expect(deletion?.content).toMatchObject({
      event: { name: "message_deleted", fields: { id: question?.id } },
    });
    expect(deletion?.conversation).toEqual(question?.conversation);
    expect(deletion?.sender.id).toBe(question?.sender.id);
  });

  it("is gone where a tombstone stands in its place, because it has answers", async () => {
    const said = roomMessage(CALLED);
    const { channel, channel_type, ...asked } = said;
    const before = { ...asked, thread_ts: asked.ts, reply_count: 1 };
    const tombstone = {
      ...{ type: "message", subtype: "tombstone", user: "USLACKBOT", hidden: true },
      ...{ text: "This message was deleted.", ts: asked.ts, thread_ts: asked.ts },
    };
    const [question, deletion] = await heard([said, change(before, tombstone, inRoom)]);
    expect(deletion).toMatchObject({
      content: { event: { name: "message_deleted", fields: { id: question?.id } } },
      conversation: question?.conversation,
    });
  });

  it("is an event when a person deletes it", async () => {
    const { channel, channel_type, ...before } = directMessage("hello");
    const gone = { ...change(before, before), subtype: "message_deleted", deleted_ts: before.ts };
    const received = await heard([
      gone,
      { ...gone, previous_message: { ...before, bot_id: "B0" } },
    ]);
    expect(received.map(({ content }) => content)).toEqual([
      {
        kind: "event",
        event: {
          ...{ name: "message_deleted", platformName: "message_deleted" },
          fields: { id: `${TEAM}/D0ANN/${before.ts}` },
        },
      },
    ]);
  });
});

describe("what people write", () => {
  it.each([
    ["a &amp; b &lt;c&gt;", "a & b <c>"],
    ["<https://a.b/c?x=1&amp;y=2>", "https://a.b/c?x=1&y=2"],
    ["<http://example.com|example.com>", "example.com"],
    ["<https://a.b|our plan>", "[our plan](https://a.b)"],
    ["<mailto:a@b.c|a@b.c>", "a@b.c"],
    ["<@U0BEN|ben> and <@U0CAT>", "@ben and @U0CAT"],
    ["see <#C0ROOM|room>", "see #room"],
    ["<!here> <!subteam^S1|@sales>", "@here @sales"],
    ["&lt;!channel&gt;", "<!channel>"],
    ["if a <b> c and 1 < 2 > 0 && </b>", "if a <b> c and 1 < 2 > 0 && </b>"],
    ["  indented\n\ttext  ", "  indented\n\ttext  "],
  ])("is read back from %j", async (text, read) => {
    expect((await heard([directMessage(text)])).map(textOf)).toEqual([read]);
  });

  it("loses our name and nothing else", async () => {
    const said = [`hey <@${BOT_USER}> what is <@U0BEN>'s plan?`, `<@${BOT_USER}>: go`];
    const received = await heard(said.map((text) => mention(text)));
    expect(received.map(textOf)).toEqual(["hey what is @U0BEN's plan?", ": go"]);
  });

  it("brings its files, and words of others as a quote", async () => {
    const files = [
      {
        ...{ id: "F1", name: "a.png", mimetype: "image/png", size: 12, mode: "hosted" },
        url_private_download: "https://files.slack.com/a.png",
      },
      { id: "F2", mode: "file_access", file_access: "check_file_info" },
      { id: "F3", mode: "tombstone" },
    ];
    const shared = [{ is_share: true, text: "the &lt;old&gt; plan" }, { text: "unfolded link" }];
    const [message] = await heard([
      directMessage("", { subtype: "file_share", files, attachments: shared, team: undefined }),
    ]);
    expect(message?.content).toEqual({
      ...{ kind: "text", text: "", quote: "the <old> plan" },
      attachments: [
        {
          ...{ kind: "image", name: "a.png", sizeBytes: 12 },
          ref: JSON.stringify({ id: "F1", url: "https://files.slack.com/a.png" }),
        },
        { kind: "file", name: "F2", ref: JSON.stringify({ id: "F2" }) },
      ],
    });
  });
});

describe("who speaks", () => {
  const senderOf = async (event: object, more: object = {}) =>
    (await heard([directMessage("hi", { user_team: undefined, ...event })], more))[0]?.sender;

  it("is a stranger whose home is elsewhere", async () => {
    expect(await senderOf({ user_team: TEAM })).toMatchObject({ isExternal: false });
    expect(await senderOf({ user_team: "T0ELSE" })).toMatchObject({ isExternal: true });
    expect(await senderOf({ source_team: "T0ELSE" })).toMatchObject({ isExternal: true });
    expect(await senderOf({ user_team: TEAM, source_team: "T0ELSE" })).toMatchObject({
      isExternal: true,
    });
  });

  it("has to be asked where the message does not say it", async () => {
    expect(await senderOf({})).not.toHaveProperty("isExternal");
    const [authorization] = eventBody({}).authorizations as object[];
    const organisation = { authorizations: [{ ...authorization, enterprise_id: "E0ORG" }] };
    expect(await senderOf({ user_team: "T0SISTER" }, organisation)).not.toHaveProperty(
      "isExternal",
    );
    expect(await senderOf({ user_team: "E0ORG" }, organisation)).toMatchObject({
      isExternal: false,
    });
  });

  it("belongs to the workspace of the installation, whatever the message claims", async () => {
    const [message] = await heard([directMessage("hi", { team: "T0ELSE" })], {
      ...{ team_id: "T0ELSE", context_team_id: "T0ELSE" },
    });
    expect(message?.workspaceId).toBe(TEAM);
    expect(message?.target.workspaceId).toBe(TEAM);
  });
});

describe("what happens without a word", () => {
  const eventsOf = async (events: readonly object[]) =>
    (await heard(events)).map(({ content }) =>
      content.kind === "event" ? content.event : content,
    );

  it("is feedback where a person reacts to an answer of ours", async () => {
    const reaction = {
      ...{ type: "reaction_added", user: "U0ANN", reaction: "+1", item_user: BOT_USER },
      item: { type: "message", channel: "C0ROOM", ts: "1700000000.000100" },
    };
    const id = `${TEAM}/C0ROOM/1700000000.000100`;
    expect(
      await eventsOf([
        reaction,
        { ...reaction, type: "reaction_removed" },
        { ...reaction, item_user: "U0BEN" },
        { ...reaction, user: BOT_USER },
      ]),
    ).toEqual([
      {
        ...{ name: "feedback_given", platformName: "reaction_added" },
        fields: { id, type: "+1", reaction: "+1" },
      },
      {
        ...{ name: "feedback_given", platformName: "reaction_removed" },
        fields: { id, type: "withdrawn", reaction: "+1" },
      },
    ]);
  });

  it("is that somebody opens the assistant, with what they have open beside it", async () => {
    const received = await heard([
      { type: "assistant_thread_started", assistant_thread: assistantThread() },
      { type: "app_home_opened", user: "U0ANN", channel: "D0ANN", tab: "home" },
      { type: "app_home_opened", user: "U0ANN", channel: "D0ANN", tab: "messages" },
    ]);
    expect(received.map(({ content }) => content)).toMatchObject([
      { event: { name: "app_opened", fields: { channel_id: "C0ROOM", team_id: TEAM } } },
      { event: { name: "app_opened", fields: {} } },
    ]);
    expect(received[0]?.target.address).toBe("D0ANN/1700000000.000200/U0ANN");
    expect(received[1]?.target.address).toBe("D0ANN//U0ANN");
  });

  it("is nothing where it concerns nobody", async () => {
    expect(await eventsOf([{ type: "team_join" }, { type: "channel_rename" }, {}])).toEqual([]);
  });
});

/** Of an older assistant app; with `context` in place of a look at C0ROOM. */
const assistantThread = (context: object = { channel_id: "C0ROOM", team_id: TEAM }) => ({
  ...{ user_id: "U0ANN", channel_id: "D0ANN", thread_ts: "1700000000.000200" },
  context,
});

describe("what a person has open beside the chat", () => {
  const inThread = { thread_ts: "1700000000.000200" };
  const openRooms = (received: SlackFixture["received"]) =>
    received.flatMap(({ content }) => (content.kind === "text" ? [content.openRoom] : []));
  const changed = (context: object) => ({
    ...{ type: "assistant_thread_context_changed", assistant_thread: assistantThread(context) },
  });
  const appChanged = (...entities: readonly object[]) => ({
    ...{ type: "app_context_changed", user: "U0ANN", channel: "D0ANN", context: { entities } },
  });
  const channelEntity = (value: string, more: object = {}) => ({
    ...{ type: "slack#/types/channel_id", value },
    ...more,
  });

  it("comes with what is asked in that thread, as it is when it is asked", async () => {
    const received = await heard([
      { type: "assistant_thread_started", assistant_thread: assistantThread() },
      directMessage("one", inThread),
      changed({ channel_id: "C0PLANS", team_id: TEAM }),
      directMessage("two", inThread),
      changed({}),
      directMessage("three", inThread),
    ]);
    expect(openRooms(received)).toEqual(["C0ROOM", "C0PLANS", undefined]);
  });

  it("is what a newer app is told of the person, in whatever thread they ask", async () => {
    const received = await heard([
      appChanged({ type: "slack#/types/canvas_id", value: "F0CANVAS" }, channelEntity("C0PLANS")),
      directMessage("one"),
      directMessage("two", { thread_ts: "1700000000.000900" }),
      appChanged(),
      directMessage("three"),
    ]);
    expect(openRooms(received)).toEqual(["C0PLANS", "C0PLANS", undefined]);
  });

  it("is remembered across a restart, and by another process", async () => {
    const state = memoryState();
    await tell(await start({ state }), appChanged(channelEntity("C0PLANS")));
    const after = await start({ state });
    await tell(after, directMessage("one"));
    expect(openRooms(after.received)).toEqual(["C0PLANS"]);
  });

  it("is not put on record, nor told of others, nor of rooms, nor of other workspaces", async () => {
    const received = await heard([
      appChanged(channelEntity("C0PLANS", { team_id: "T0ELSE" })),
      directMessage("one"),
      appChanged(channelEntity("C0PLANS")),
      directMessage("two", { user: "U0BOB", channel: "D0BOB" }),
      mention(CALLED),
    ]);
    expect(received.map(({ content }) => content.kind)).toEqual(["text", "text", "text"]);
    expect(openRooms(received)).toEqual([undefined, undefined, undefined]);
  });

  it("keeps nobody from being heard when it cannot be looked up", async () => {
    const state = { ...memoryState(), get: () => Promise.reject(new Error("store away")) };
    const slack = await start({ state });
    expect((await tell(slack, directMessage("one"))).status).toBe(200);
    expect(openRooms(slack.received)).toEqual([undefined]);
  });
});

describe("a slash command", () => {
  const give = (slack: SlackFixture, form: string) => slack.post(signed(form, "form"));

  it("is a question, whatever it is called", async () => {
    const slack = await start();
    const responseUrl = "https://hooks.slack.com/commands/1/2/3";
    const form = commandForm("how are sales?", { command: "/x", response_url: responseUrl });
    expect(await give(slack, form)).toEqual({ status: 200 });
    expect(await give(slack, form)).toEqual({ status: 200 });
    expect(slack.received.map(textOf)).toEqual(["how are sales?"]);
    expect(slack.received[0]).toMatchObject({
      ...{ workspaceId: TEAM, sender: { id: "U0ANN" } },
      conversation: { id: "C0ROOM/U0ANN", kind: "group", room: "C0ROOM" },
      target: { cardToken: JSON.stringify({ responseUrl }) },
    });
  });

  it("that bears no trigger is known again by where it is answered", async () => {
    const slack = await start();
    const response_url = "https://hooks.slack.com/commands/1/2/3";
    const form = commandForm("how are sales?", { trigger_id: "", response_url });
    const other = commandForm("again?", { trigger_id: "", response_url: `${response_url}4` });
    for (const each of [form, form, other]) {
      expect(await give(slack, each)).toEqual({ status: 200 });
    }
    expect(slack.received.map(textOf)).toEqual(["how are sales?", "again?"]);
    expect(slack.received[0]?.id).not.toContain("hooks.slack.com");
  });
});

describe("what is clicked and filled in", () => {
  const act = async (payloads: readonly object[]) => {
    const slack = await start();
    for (const payload of payloads) {
      const form = interactionForm({ ...payload });
      expect((await slack.post(signed(form, "form"))).status).toBe(200);
    }
    return slack.received;
  };
  const approve = { block_id: "card/plan1", action_id: "button/approve" };

  it("is a click on a card of ours, with what was chosen, once", async () => {
    const chosen = {
      values: {
        "card/plan1/who": { "select/who": { selected_option: { value: "ann" } } },
        "card/plan1/days": {
          "select/days": { selected_options: [{ value: "mon" }, { value: "tue" }] },
        },
        "card/other/who": { "select/who": { selected_option: { value: "eve" } } },
      },
    };
    const payload = clickPayload(approve, {
      ...{ state: chosen, response_url: "https://hooks.slack.com/actions/1" },
    });
    const received = await act([payload, payload]);
    expect(received).toHaveLength(1);
    const [message] = received;
    expect(message?.content).toMatchObject({
      event: {
        name: "card_clicked",
        click: {
          cardId: "plan1",
          buttonId: "approve",
          choices: { who: ["ann"], days: ["mon", "tue"] },
        },
      },
    });
    expect(message?.target).toMatchObject({
      address: "C0ROOM/1700000000.000001/U0ANN",
      cardToken: JSON.stringify({
        ...{ responseUrl: "https://hooks.slack.com/actions/1", cardTs: "1700000000.000001" },
      }),
    });
  });

  it("is a choice in a card that has no button to hand it in, and no other choice", async () => {
    const [body = ""] = render({
      kind: "text",
      markdown: "",
      card: {
        ...{ id: "plan1", title: "Which?", fields: [], buttons: [] },
        selects: [
          { id: "who", label: "Who", isMultiple: false, options: [{ id: "ann", label: "Ann" }] },
        ],
      },
    });
    const shown = fromBody(body);
    const select = shown.kind === "card" ? shown.blocks.at(-1) : undefined;
    const { block_id, accessory } = select as Record<
      "block_id" | "accessory",
      { action_id: string }
    >;
    const option = { type: "static_select", selected_option: { value: "ann" } };
    const received = await act([
      clickPayload({ ...option, block_id, action_id: accessory.action_id }),
      clickPayload({ ...option, block_id, action_id: "select/who" }),
      clickPayload({ ...option, block_id: "card/plan1/other", action_id: accessory.action_id }),
    ]);
    expect(received.map(({ content }) => content)).toMatchObject([
      { event: { click: { cardId: "plan1", buttonId: "who", choices: { who: ["ann"] } } } },
    ]);
  });

  it("is a form, with its values", async () => {
    const view = {
      ...{ id: "V1", hash: "1.a", callback_id: "leave", private_metadata: "" },
      state: {
        values: {
          why: { text: { type: "plain_text_input", value: "rest" } },
          days: { pick: { selected_options: [{ value: "mon" }, { value: "tue" }] } },
        },
      },
    };
    const [message] = await act([
      { type: "view_submission", user: { id: "U0ANN", team_id: TEAM }, team: { id: TEAM }, view },
    ]);
    expect(message?.content).toMatchObject({
      event: {
        name: "form_submitted",
        fields: { callback_id: "leave", "why.text": "rest", "days.pick": "mon\ntue" },
      },
    });
  });

  it("is acknowledged and nothing else where nobody knows it any more", async () => {
    const received = await act([
      clickPayload({ block_id: "b1", action_id: "from-last-year" }),
      clickPayload({}, { actions: [] }),
      clickPayload(approve, { team: null, user: null }),
      { ...clickPayload(approve), type: "holodeck_action" },
      { type: "view_closed", user: { id: "U0ANN" }, team: { id: TEAM } },
      {},
    ]);
    expect(received).toEqual([]);
  });
});

describe("the request URL", () => {
  it("is verified with what Slack asks back", async () => {
    const slack = await start();
    const asked = signed(JSON.stringify({ type: "url_verification", challenge: "3eZbrw1a" }));
    expect(await slack.post(asked)).toMatchObject({ status: 200, body: "3eZbrw1a" });
  });

  it("answers the look at its certificate, and acts on nothing that came with it", async () => {
    const slack = await start();
    const forged = signed(`${commandForm("pay me")}&ssl_check=1`, "form", { secret: "guessed" });
    expect(await slack.post(forged)).toEqual({ status: 200 });
    expect(slack.received).toEqual([]);
  });

  it("is not told the certificate is looked at by words that somebody wrote", async () => {
    const slack = await start();
    const { user, channel, ts } = directMessage("");
    const event = { type: "message", user, channel, ts, text: "a&ssl_check=1&b" };
    const body = JSON.stringify({ type: "event_callback", team_id: TEAM, event_id: "Ev9", event });
    expect(await slack.post(signed(body))).toEqual({ status: 200 });
    expect(slack.received.map(textOf)).toEqual(["a&ssl_check=1&b"]);
    await expect(slack.post(signed(body, "json", { secret: "guessed" }))).rejects.toThrow(
      SignatureError,
    );
  });

  it("gives what it hands over an id that every store takes, and the same one each time", async () => {
    const slack = await start();
    for (const name of ["E\u0000\ud800", "x".repeat(100_000), "a/b"]) {
      const before = slack.received.length;
      const opened = { type: "app_home_opened", tab: "messages", user: "U0ANN", channel: "D0ANN" };
      const event = signed(JSON.stringify(eventBody(opened, { event_id: name })));
      const form = { ...clickPayload({}), type: "view_submission", trigger_id: name };
      const filled = signed(interactionForm({ ...form, view: { id: "V1" } }), "form");
      const asked = signed(commandForm("why?", { trigger_id: name }), "form");
      for (const request of [event, filled, asked, event, filled, asked]) {
        expect((await slack.post(request)).status).toBe(200);
      }
      expect(slack.received.length - before).toBe(3);
    }
    for (const { id } of slack.received) expect(id).toMatch(/^[\w/.:-]{1,200}$/);
  });

  it("takes any signed bytes without a fault of ours, and hands nothing over that is not whole", async () => {
    const slack = await start();
    const json = fc.jsonValue({ maxDepth: 4 });
    const almost = fc.record(
      {
        type: fc.constantFrom("event_callback", "block_actions", "url_verification", "x"),
        event: fc.record(
          {
            type: fc.constantFrom("message", "app_mention", "reaction_added", "app_uninstalled"),
            subtype: fc.constantFrom("message_changed", "message_deleted", "file_share"),
            ...{ user: json, ts: json, channel: json, text: json, thread_ts: json, files: json },
            ...{ message: json, previous_message: json, item: json, edited: json },
          },
          { requiredKeys: [] },
        ),
        ...{
          team_id: json,
          authorizations: json,
          actions: json,
          state: json,
          user: json,
          team: json,
        },
      },
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      fc.string(),
      json.map((value) => JSON.stringify(value)),
      almost.map((value) => JSON.stringify(value)),
      almost.map((value) => `payload=${encodeURIComponent(JSON.stringify(value))}`),
      fc.webQueryParameters().map((query) => `command=/x&${query}`),
    );
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        const answer = await slack.post(signed(text)).catch((error: unknown) => error);
        if (answer instanceof PayloadError) return;
        expect(answer).toMatchObject({ status: expect.toBeOneOf([200]) });
      }),
      { numRuns: 500 },
    );
    for (const { id, workspaceId, sender, target } of slack.received) {
      expect([id, workspaceId, sender.id, target.address].every((part) => part.length > 0)).toBe(
        true,
      );
    }
  });

  it("accepts no forgery, whatever its bytes", async () => {
    const slack = await start();
    const whole = signed(JSON.stringify(eventBody(directMessage("hello"))));
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: whole.body.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (place, change) => {
          const body = Buffer.from(whole.body);
          body[place] = (body[place] ?? 0) ^ change;
          await expect(slack.post({ ...whole, body })).rejects.toThrow(SignatureError);
        },
      ),
      { numRuns: 200 },
    );
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (signature, timestamp) => {
        const headers = { "x-slack-signature": signature, "x-slack-request-timestamp": timestamp };
        await expect(slack.post({ ...whole, headers })).rejects.toThrow(SignatureError);
      }),
      { numRuns: 200 },
    );
    expect(slack.received).toEqual([]);
  });
});
