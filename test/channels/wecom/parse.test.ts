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

describe("a text message", () => {
  it("is parsed into our words", () => {
    expect(understood(fixture("text"))).toEqual({
      id: "wwexample000000001/1000002/zhang.san/9007199254740993123",
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
        replyTo: "wwexample000000001/1000002/zhang.san/9007199254740993123",
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

  it("is told from another by its bytes when it has no id", () => {
    const withoutId = (at: number) =>
      understood(text({ createTime: at }).replace(/<MsgId>.*<\/MsgId>/, "")).id;
    expect(withoutId(1)).toMatch(/^wwexample000000001\/1000002\/sha256:[0-9a-f]{64}$/);
    expect(withoutId(1)).toBe(withoutId(1));
    expect(withoutId(1)).not.toBe(withoutId(2));
  });

  it("comes from a linked corp's user, too", () => {
    expect(understood(text({ user: "wwother/Li.Si" })).sender.id).toBe("wwother/li.si");
  });
});

describe("a message of another kind", () => {
  it.each(["image", "voice", "video", "location", "link", "file"])("names %s", (type) => {
    const message = understood(fixture(type));
    expect(message.content).toEqual({ kind: "unsupported", type });
    expect(message.id).toBe("wwexample000000001/1000002/zhang.san/9007199254740993123");
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
  click: "menu_clicked",
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
    const files = readdirSync(folder).filter((file) => file.startsWith("event-"));
    expect(files.sort()).toEqual(
      Object.keys(EVENTS)
        .map((name) => `event-${name}.xml`)
        .sort(),
    );
  });

  it("keeps the platform's spelling and compares without case", () => {
    expect(eventIn(fixture("event-location")).platformName).toBe("LOCATION");
    const xml = fixture("event-click").replace("[click]", "[CLICK]");
    expect(eventIn(xml)).toMatchObject({ name: "menu_clicked", platformName: "CLICK" });
  });

  it("carries its own fields, not those that every message has", () => {
    expect(eventIn(fixture("event-click")).fields).toEqual({ EventKey: "MENU_1" });
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
