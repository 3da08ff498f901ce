import { describe, expect, it } from "vitest";
import { readJson } from "../../channels/wecom/bot/json.ts";
import { parseBotCallback } from "../../channels/wecom/bot/parse.ts";
import { parseMessage } from "../../channels/wecom/parse.ts";
import { SAID_KINDS, type SaidKind } from "../../cli/said-kinds.ts";
import { botSaidJson, isForBots } from "../../cli/wecom-bot-said.ts";
import { isForApps, saidXml } from "../../cli/wecom-said.ts";
import { cardText } from "../../cli/wecom-shown.ts";
import { wecomAppOf } from "../fakes/wecom-app.ts";
import { newCloudApp } from "../fakes/wecom-cloud.ts";

const app = wecomAppOf(newCloudApp());
const bot = { id: "aib1", corp_id: app.corp_id, name: "Desk" };

const toApp = (kind: SaidKind, text = "words") => {
  const parsed = parseMessage(
    app,
    saidXml(app, "wei", { kind, text, fileName: "a.txt", mediaId: "M1" }),
  );
  if (!parsed.isUnderstood) throw new Error(parsed.reason);
  return parsed.message.content;
};

const toBot = (kind: SaidKind, text = "words") => {
  const said = { kind, text, userId: "wei", group: undefined, quote: undefined };
  const scene = { botId: bot.id, name: bot.name, media: { url: "https://files.example/1" } };
  const json = JSON.stringify(botSaidJson(said, scene));
  const parsed = parseBotCallback(bot, readJson(json), new Date());
  if (parsed.kind !== "message") throw new Error(parsed.kind);
  return parsed.message.content;
};

describe("what simulate says for a member", () => {
  it.each(SAID_KINDS.filter(isForApps))("is understood from an application: %s", (kind) => {
    expect(toApp(kind)).not.toMatchObject({ kind: "unsupported" });
  });

  it.each(SAID_KINDS.filter(isForBots))("is understood from a bot: %s", (kind) => {
    expect(toBot(kind)).not.toMatchObject({ kind: "unsupported" });
  });

  it("has somebody to say it to, whatever it is", () => {
    expect(SAID_KINDS.filter((kind) => !isForApps(kind) && !isForBots(kind))).toEqual([]);
  });

  it("is any event of the platform's, with its key or its fields", () => {
    expect(toApp("event", "view_miniprogram:pages/index")).toMatchObject({
      event: { name: "link_opened", fields: { EventKey: "pages/index" } },
    });
    expect(toApp("event", "change_contact:ChangeType=delete_user,UserID=wei")).toMatchObject({
      event: { name: "contact_changed", fields: { ChangeType: "delete_user", UserID: "wei" } },
    });
    expect(toApp("event", "subscribe")).toMatchObject({ event: { name: "member_joined" } });
  });

  it("is a click with what was chosen, from either", () => {
    const click = {
      ...{ cardId: "card1", buttonId: "ok" },
      choices: { days: ["mon", "tue"], room: ["a"] },
    };
    const text = "card1:ok:days=mon+tue,room=a";
    expect(toApp("card-click", text)).toMatchObject({ event: { click } });
    expect(toBot("card-click", text)).toMatchObject({ event: { click } });
  });
});

describe("what simulate shows of a card", () => {
  it("is what can be chosen, and the click that chooses it", () => {
    const option_list = [{ id: "mon", text: "Monday" }];
    const common = { main_title: { title: "When?" }, task_id: "c1" };
    const submit_button = { text: "Send", key: "ok" };
    const lines = ["  mon  Monday", "(Send)  --kind card-click c1:ok:days=…"];
    expect(
      cardText({ ...common, submit_button, checkbox: { question_key: "days", option_list } }),
    ).toBe(["[card: When?]", "days =", ...lines].join("\n"));
    const select = { question_key: "days", title: "Which", option_list };
    expect(cardText({ ...common, submit_button, select_list: [select] })).toBe(
      ["[card: When?]", "Which: days =", ...lines].join("\n"),
    );
  });
});
