import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { registerAgent } from "../../cli/agent.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();

const SETTINGS = {
  skills: { folders: ["skills"] },
  models: {
    providers: {
      abroad: { kind: "openai", api_key: "sk-1", base_url: "https://abroad.test/v1" },
      inside: { kind: "vllm", base_url: "http://10.0.0.1/v1" },
    },
  },
  multi_tenant: {
    tenants: [
      {
        id: "sales",
        allowed_skills: ["search", "translate"],
        llm_config: {
          ...{ provider: "abroad", model: "big" },
          light: { provider: "abroad", model: "small" },
          sensitive: { provider: "inside", model: "own" },
          fallback: [{ provider: "qwen", model: "qwen-plus" }],
        },
        agents: [{ name: "helper" }, { name: "writer", skills: ["translate", "payroll"] }],
      },
      { id: "bare" },
    ],
  },
};

const agent = async (...words: string[]) => {
  writeFileSync(join(folder.path, "settings.json"), JSON.stringify(SETTINGS));
  for (const name of ["search", "translate", "payroll"]) {
    mkdirSync(join(folder.path, "skills", name), { recursive: true });
    writeFileSync(
      join(folder.path, "skills", name, "SKILL.md"),
      `---\nname: ${name}\ndescription: Does a ${name}.\n---\nText.\n`,
    );
  }
  return runVerb(registerAgent, folder.path, ["agent", ...words]);
};

const routeOf = async (text: string, tenant = "sales") => {
  const { code, out } = await agent("route", text, "--tenant", tenant, "--json");
  return { code, ...JSON.parse(out) };
};

describe("agent list", () => {
  it("lists agents with their models and what each may use", async () => {
    const { code, out } = await agent("list");
    expect(code).toBe(0);
    expect(out).toMatch(/sales +@helper \(default\) +abroad big +overseas +search, translate\n/);
    expect(out).toMatch(/sales +@writer +abroad big +overseas +translate\n/);
    expect(JSON.parse((await agent("list", "--tenant", "bare", "--json")).out)).toEqual({
      agents: [],
    });
  });

  it("names the tenants that there are when it is asked about another", async () => {
    expect(await agent("list", "--tenant", "x")).toMatchObject({
      code: 1,
      err: expect.stringContaining('no tenant "x"; it has: sales, bare'),
    });
  });
});

describe("agent route", () => {
  it("says the agent that is named, what it is told, and what it may use", async () => {
    expect(await routeOf("@Writer translate this into French, all of it")).toMatchObject({
      ...{ code: 0, agent: "writer", text: "translate this into French, all of it" },
      ...{ skills: ["translate"], fits: "translate", personal_data: false, refusal: null },
      models: [
        { provider: "abroad", model: "big", region: "overseas", has_key: true },
        { provider: "qwen", model: "qwen-plus", region: "cn", has_key: false },
      ],
    });
  });

  it("says which model answers small talk", async () => {
    expect(await routeOf("hello")).toMatchObject({
      ...{ agent: "helper", fits: null },
      models: [{ model: "small" }, { model: "big" }, { model: "qwen-plus" }],
    });
  });

  it("says where personal data may go, and shows it redacted", async () => {
    const { code, out } = await agent("route", "mail to lisi@company.com", "--tenant", "sales");
    expect(code).toBe(0);
    expect(out).toMatch(/Personal data +found/);
    expect(out).toMatch(/May go to +on-prem\n/);
    expect(out).toMatch(/Models, in order +inside own, in region on-prem\n/);
    expect(out).not.toContain("lisi@company.com");
    expect(out).not.toContain("qwen");
  });

  it("ends with 1 for a text that is refused", async () => {
    expect(await routeOf("card 4111 1111 1111 1111")).toMatchObject({
      ...{ code: 1, refusal: "DATA_BLOCKED", text: null, models: [] },
    });
  });

  it("says that a tenant without agents answers by itself", async () => {
    expect(await routeOf("@writer hi", "bare")).toMatchObject({
      ...{ code: 0, agent: null, text: "@writer hi", models: [{ provider: "rules" }] },
    });
  });

  it("needs a tenant", async () => {
    expect((await agent("route", "hi")).code).toBe(2);
    expect((await agent("route", "hi", "--tenant", "x")).code).toBe(1);
  });
});
