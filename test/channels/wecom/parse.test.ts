import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseMessage } from "../../../channels/wecom/parse.ts";
import type { WecomApp } from "../../../channels/wecom/types.ts";
import { SignatureError } from "../../../core/contract/errors.ts";
import type { InboundEvent, InboundMessage } from "../../../core/contract/message.ts";
import { wecomAppOf } from "../../fakes/wecom-app.ts";
import { newCloudApp } from "../../fakes/wecom-cloud.ts";
import { textMessage } from "../../fakes/wecom-envelope.ts";

const cloudApp = newCloudApp();
const app: WecomApp = wecomAppOf(cloudApp);
const folder = join(import.meta.dirname, "../../fixtures/wecom");
const fixture = (name: string): string => readFileSync(join(folder, `${name}.xml`), "utf8");

const understood = (xml: string): InboundMessage => {
  const parsed = parseMessage(app, xml);
  if (!parsed.isUnderstood) throw new Error(parsed.reason);
  return parsed.message;
};

const eventIn = (xml: string): InboundEvent => {
  const { content } = understood(xml);
  if (content.kind !== "event") throw new Error(content.kind);
  return content.event;
};

const notUnderstood = (xml: string): string => {
  const parsed = parseMessage(app, xml);
  return parsed.isUnderstood ? "understood" : parsed.reason;
};

const text = (fields: Partial<Parameters<typeof textMessage>[1]> = {}): string =>
  textMessage(cloudApp, { user: "Zhang.San", text: "hello", msgId: "1", ...fields });

// Of `zhang.san` and the message's number; neither can be read in it.
const TEXT_ID =
  "wwexample000000001/1000002/sha256:7d625b94c100627c23c42c28cbaa90e71f11e0c38fa9c2dae3f711b0650be714";

describe("a text message", () => {
  it("is parsed into our words", () => {
    expect(understood(fixture("text"))).toEqual({
      id: TEXT_ID,
      channel: "wechat_work",
      workspaceId: "wwexample000000001",
      conversation: { id: "1000002/zhang.san", kind: "direct" },
      sender: {
        id: "zhang.san",
        displayName: "Zhang.San",
        isBot: false,
        departments: [],
        roles: [],
      },
      content: { kind: "text", text: "  007 <b> ]]> 你好\n" },
      target: {
        channel: "wechat_work",
        workspaceId: "wwexample000000001",
        appId: "1000002",
        address: "Zhang.San",
        replyTo: TEXT_ID,
      },
      sentAt: new Date("2023-11-14T22:13:20Z"),
    });
  });

  it("may be empty", () => {
    expect(understood(text({ text: "" })).content).toEqual({ kind: "text", text: "" });
  });

  it("has an id of its own per user, app and message, whatever the user's case", () => {
    const ids = [
      text(),
      text({ msgId: "2" }),
      text({ user: "zhang.san" }),
      text({ user: "li.si" }),
    ].map((xml) => understood(xml).id);
    expect(ids[0]).toBe(ids[2]);
    expect(new Set(ids).size).toBe(3);
  });

  it("attack: reading who wrote in the id, which outlives an erased message", () => {
    const { id, target } = understood(text({ user: "Zhang.San", msgId: "77777" }));
    expect([id, target.replyTo].join().toLowerCase()).not.toMatch(/zhang|77777/);
  });

  it("is told from another by its bytes when it has no id", () => {
    const withoutId = (at: number) =>
      understood(text({ createTime: at }).replace(/<MsgId>.*<\/MsgId>/, "")).id;
    expect(withoutId(1)).toMatch(/^wwexample000000001\/1000002\/sha256:[0-9a-f]{64}$/);
    expect(withoutId(1)).toBe(withoutId(1));
    expect(withoutId(1)).not.toBe(withoutId(2));
  });

  it("comes from a linked corp's user, too", () => {
    const message = understood(text({ user: "wwOther/Li.Si" }));
    expect(message.sender.id).toBe("wwother/li.si");
    // Whoever binds our corp has not let them in; what is said back goes through our application.
    expect(message.workspaceId).toBe("wwOther");
    expect(message.target.workspaceId).toBe("wwexample000000001");
  });
});

describe("a message of another kind", () => {
  const attached = (kind: string, name: string, ref: string) => ({
    kind: "text",
    text: "",
    attachments: [{ kind, name, ref }],
  });
  it.each([
    ["image", attached("image", "image", "MEDIA_1")],
    ["voice", attached("voice", "voice.amr", "MEDIA_2")],
    ["video", attached("video", "video.mp4", "MEDIA_3")],
    ["file", attached("file", "a.pdf", "MEDIA_4")],
    ["location", { kind: "text", text: "[location: Taipei; 23.134, 113.358]" }],
    ["link", { kind: "text", text: "", quote: "T\nD\nhttps://example.com" }],
  ])("says what is in %s", (type, content) => {
    const message = understood(fixture(type));
    expect(message.content).toEqual(content);
    expect(message.id).toBe(TEXT_ID);
  });

  it.each([
    ["23.134000000000000341", "[location: Taipei; 23.134000000000000341, 113.358]"],
    ["north", "[location: Taipei]"],
  ])("says where both numbers of a location lead: %s", (latitude, text) => {
    expect(understood(fixture("location").replace("23.134", latitude)).content).toEqual({
      kind: "text",
      text,
    });
  });

  it("says what was spoken where the platform has written it down", () => {
    const xml = fixture("voice").replace("<Format>", "<Recognition>你好</Recognition><Format>");
    expect(understood(xml).content).toMatchObject({ text: "你好", attachments: [{}] });
  });

  it.each(["", "a b", "x".repeat(513), "ünicode"])("does not take %j for a media id", (id) => {
    const xml = fixture("image").replace("MEDIA_1", id);
    expect(notUnderstood(xml)).toBe("MediaId is none");
  });

  it("keeps a file's name free of folders and control characters, and short", () => {
    const named = (name: string) => {
      const { content } = understood(fixture("file").replace("../a.pdf", name));
      return content.kind === "text" ? content.attachments?.[0]?.name : undefined;
    };
    expect(named("..\\..\\etc/\u202epasswd\n")).toBe("passwd");
    expect(named("/")).toBe("file");
    expect([...(named("😀".repeat(300)) ?? "")]).toHaveLength(128);
  });

  it("names one that nobody has heard of", () => {
    const xml = text().replace("[text]", "[hologram]");
    expect(understood(xml).content).toEqual({ kind: "unsupported", type: "hologram" });
  });
});

const EVENTS: Record<string, InboundEvent["name"]> = {
  subscribe: "member_joined",
  unsubscribe: "member_left",
  enter_agent: "app_opened",
  location: "location_reported",
  view: "link_opened",
  view_miniprogram: "link_opened",
  scancode_push: "code_scanned",
  scancode_waitmsg: "code_scanned",
  pic_sysphoto: "picture_chosen",
  pic_photo_or_album: "picture_chosen",
  pic_weixin: "picture_chosen",
  location_select: "location_chosen",
  template_card_event: "card_clicked",
  template_card_menu_event: "card_clicked",
  taskcard_click: "card_clicked",
  batch_job_result: "job_finished",
  change_contact: "contact_changed",
  open_approval_change: "approval_changed",
  sys_approval_change: "approval_changed",
  share_agent_change: "other",
  share_chain_change: "other",
  close_inactive_agent: "other",
  reopen_inactive_agent: "other",
  low_active: "other",
  inactive: "other",
  kf_msg_or_event: "other",
  change_external_contact: "other",
  change_external_chat: "other",
};

describe("an event", () => {
  it.each(Object.entries(EVENTS))("%s is %s", (file, name) => {
    const event = eventIn(fixture(`event-${file}`));
    expect(event.name).toBe(name);
    expect(event.platformName.toLowerCase()).toBe(file);
  });

  it("has a fixture for every kind, and a kind for every fixture", () => {
    const files = readdirSync(folder).filter((file) => /^event-(?!click)/.test(file));
    expect(files.sort()).toEqual(
      Object.keys(EVENTS)
        .map((name) => `event-${name}.xml`)
        .sort(),
    );
  });

  it("is asked as a question when a menu entry says it, and is a command when it starts so", () => {
    expect(understood(fixture("event-click")).content).toEqual({ kind: "text", text: "MENU_1" });
    const stop = fixture("event-click").replace("MENU_1", "/stop");
    expect(understood(stop).content).toEqual({ kind: "text", text: "/stop" });
  });

  it("says which card was clicked and what was chosen, and keeps the code for changing it apart", () => {
    const { content, target } = understood(fixture("event-template_card_event"));
    expect(content).toMatchObject({
      event: { click: { cardId: "task111", buttonId: "key111", choices: { q1: ["o1", "o2"] } } },
    });
    expect(target.cardToken).toBe("ResponseCode");
    expect(JSON.stringify(content)).not.toContain("ResponseCode");
  });

  it("keeps the platform's spelling and compares without case", () => {
    expect(eventIn(fixture("event-location")).platformName).toBe("LOCATION");
    const xml = fixture("event-view").replace("[view]", "[VIEW]");
    expect(eventIn(xml)).toMatchObject({ name: "link_opened", platformName: "VIEW" });
  });

  it("carries its own fields, not those that every message has", () => {
    expect(Object.keys(eventIn(fixture("event-view")).fields)).toEqual(["EventKey"]);
    expect(eventIn(fixture("event-subscribe")).fields).toEqual({});
  });

  it("names a field inside another with its path", () => {
    expect(eventIn(fixture("event-scancode_push")).fields).toEqual({
      EventKey: "6",
      "ScanCodeInfo.ScanType": "qrcode",
      "ScanCodeInfo.ScanResult": "1",
    });
  });

  it("numbers what may come more than once, also when it comes once", () => {
    expect(eventIn(fixture("event-template_card_event")).fields).toMatchObject({
      "SelectedItems.SelectedItem.0.QuestionKey": "q1",
      "SelectedItems.SelectedItem.0.OptionIds.OptionId.0": "o1",
      "SelectedItems.SelectedItem.0.OptionIds.OptionId.1": "o2",
    });
    expect(eventIn(fixture("event-pic_weixin")).fields).toMatchObject({
      "SendPicsInfo.Count": "1",
      "SendPicsInfo.PicList.item.0.PicMd5Sum": "1b5f7c23b5bf75682a53e7b6d163e185",
    });
  });

  it("may name no app, and is no person's when it comes from sys", () => {
    const message = understood(fixture("event-change_contact"));
    expect(message.sender).toMatchObject({ id: "sys", isBot: true });
    expect(message.conversation.id).toBe("1000002/sys");
  });

  it("may name no sender: then it is the platform's own", () => {
    const message = understood(fixture("event-kf_msg_or_event"));
    expect(message.sender).toMatchObject({ id: "sys", isBot: true });
    expect(message.content).toMatchObject({ event: { fields: { OpenKfId: "wkxxxxxxx" } } });
  });

  it("is told from another by its bytes", () => {
    const xml = fixture("event-click");
    const digest = createHash("sha256").update(xml).digest("hex");
    expect(understood(xml).id).toBe(`wwexample000000001/1000002/sha256:${digest}`);
    expect(understood(xml.replace("MENU_1", "MENU_2")).id).not.toBe(understood(xml).id);
  });
});

describe("a message for somebody else is refused", () => {
  it.each([
    ["another corp", text({ corpId: "wwother0000000001" }), "INNER_CORP"],
    ["another app", text({ agentId: "1000003" }), "INNER_AGENT"],
    ["another app, an event", fixture("event-click").replace("1000002", "1000003"), "INNER_AGENT"],
  ])("%s", (_name, xml, reason) => {
    expect(() => parseMessage(app, xml)).toThrow(SignatureError);
    expect(() => parseMessage(app, xml)).toThrow(reason);
  });
});

describe("what is not understood", () => {
  const cases: Record<string, string> = {
    "no XML": "hello",
    "a DOCTYPE": `<!DOCTYPE xml>${text()}`,
    "no corp": text().replace(/<ToUserName>.*<\/ToUserName>/, ""),
    "no sender": text().replace(/<FromUserName>.*<\/FromUserName>/, ""),
    "an event with an empty sender": fixture("event-click").replace("Zhang.San", ""),
    "an empty sender": text({ user: "" }),
    "a sender that is everybody": text({ user: "@all" }),
    "a sender that is many": text({ user: "a|b" }),
    "a sender with a line break": text({ user: "a\nb" }),
    "no time": text().replace(/<CreateTime>.*<\/CreateTime>/, ""),
    "a time that is none": text().replace(
      /<CreateTime>.*<\/CreateTime>/,
      "<CreateTime>soon</CreateTime>",
    ),
    "no kind": text().replace(/<MsgType>.*<\/MsgType>/, ""),
    "a kind that is no word": text().replace("[text]", "[te xt]"),
    "a text without one": text().replace(/<Content>.*<\/Content>/, ""),
    "an event without a name": fixture("event-click").replace(/<Event>.*<\/Event>/, ""),
    "elements in the text": text().replace(/<Content>.*<\/Content>/, "<Content><a>1</a></Content>"),
  };
  it.each(Object.entries(cases))("%s", (_name, xml) => {
    expect(notUnderstood(xml)).not.toBe("understood");
  });

  it.each(["ToUserName", "FromUserName", "MsgType", "MsgId", "CreateTime", "AgentID", "Content"])(
    "two of %s",
    (name) => {
      const twice = text().replace(new RegExp(`<${name}>.*</${name}>`), (match) => match + match);
      expect(notUnderstood(twice)).toBe(`more than one ${name}`);
    },
  );

  it("two of Event", () => {
    const twice = fixture("event-click").replace(/<Event>.*<\/Event>/, (match) => match + match);
    expect(notUnderstood(twice)).toBe("more than one Event");
  });
});
