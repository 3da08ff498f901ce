import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

// Who may import whom: the first rule whose folder holds the file counts. A folder may always
// import itself. `packages` names what only this folder may import.
const RULES = [
  { folder: "config/", may: [] },
  { folder: "sandbox/", may: ["config/"] },
  { folder: "core/contract/", may: ["config/"] },
  { folder: "core/", may: ["config/", "sandbox/driver.ts"] },
  // No platform sees another one; what they share lies right above them.
  ...["wecom", "slack", "discord"].map((platform) => ({
    folder: `channels/${platform}/`,
    may: ["channels/*.ts", "core/contract/", "config/"],
  })),
  { folder: "channels/", may: ["core/contract/", "config/"] },
  { folder: "skills/", may: ["core/contract/", "config/"] },
  { folder: "cli/", may: ["channels/", "skills/", "core/", "sandbox/", "config/"] },
];

const OWNED: Readonly<Record<string, string>> = {
  "@wecom/crypto": "channels/wecom/",
  xml2js: "channels/wecom/",
  "@slack/web-api": "channels/slack/",
  "discord.js": "channels/discord/",
  libsql: "core/store/",
  bull: "core/delivery/",
  ioredis: "core/delivery/",
  openai: "core/models/",
  commander: "cli/",
  "prom-client": "core/metrics/",
};

const sources = RULES.map((rule) => rule.folder.split("/")[0] ?? "")
  .filter((folder, index, all) => all.indexOf(folder) === index)
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.startsWith("bundled"))
      .map((name) => join(folder, name)),
  );

const importsOf = (file: string): readonly string[] => {
  const text = readFileSync(join(root, file), "utf8");
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g);
  return [...found].map((match) => match[1] ?? "");
};

const wrongArrows = (file: string): readonly string[] => {
  const rule = RULES.find(({ folder }) => file.startsWith(folder));
  if (!rule) return [`${file} lies in no folder that the rules know`];
  return importsOf(file).flatMap((specifier) => {
    if (!specifier.startsWith(".")) {
      const owner = OWNED[specifier];
      return owner && !file.startsWith(owner) ? [`${file} -> ${specifier}`] : [];
    }
    const target = normalize(join(dirname(file), specifier));
    const isAllowed = [rule.folder, ...rule.may].some((place) =>
      place.endsWith("/*.ts") ? `${dirname(target)}/*.ts` === place : target.startsWith(place),
    );
    return isAllowed ? [] : [`${file} -> ${target}`];
  });
};

describe("the architecture", () => {
  it("has sources to look at", () => {
    expect(sources.length).toBeGreaterThan(30);
  });

  it("has no import that points the wrong way", () => {
    expect(sources.flatMap(wrongArrows)).toEqual([]);
  });

  it("reads the environment in one place only", () => {
    const readers = sources.filter((file) =>
      readFileSync(join(root, file), "utf8").includes("process.env"),
    );
    expect(readers).toEqual(["cli/main.ts"]);
  });

  it("keeps the names of the platforms out of core", () => {
    const naming = sources.filter(
      (file) =>
        file.startsWith("core/") &&
        /["'](?:slack|discord|wecom|wechat_work)["']/.test(readFileSync(join(root, file), "utf8")),
    );
    expect(naming).toEqual([]);
  });
});
