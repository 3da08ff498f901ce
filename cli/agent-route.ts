import { randomUUID } from "node:crypto";
import type { LoadedSettings } from "../config/load.ts";
import { createTenantIndex, type ModelChoice, type Tenant } from "../config/tenant.ts";
import { asTool } from "../core/agent.ts";
import { compose } from "../core/compose.ts";
import type { InboundMessage } from "../core/contract/message.ts";
import type { Skill } from "../core/contract/skill.ts";
import { localeFor } from "../core/locale.ts";
import { fittingTool } from "../core/models/fit.ts";
import { modelsFor } from "../core/models/route.ts";
import { addressedIn } from "../core/named-agents.ts";
import { allowedRegions } from "../core/residency.ts";
import { createLexiconLoader } from "../core/safety/moderation/load-lexicon.ts";
import type { Context } from "../core/stage.ts";
import { address } from "../core/stages/address.ts";
import { dataIn } from "../core/stages/data-in.ts";
import { TurnSignal } from "../core/turn-signal.ts";
import { loadCatalogue } from "../skills/catalogue.ts";
import type { AgentOptions } from "./agent-verbs.ts";
import { allowedTo } from "./allowed-skills.ts";
import { loadContentRules } from "./content-rules.ts";
import type { Io } from "./io.ts";
import { lookAtSettings } from "./look-at-settings.ts";
import { noTenant } from "./no-tenant.ts";
import { sections } from "./sections.ts";
import { skillFolders } from "./skill-folders.ts";

/**
 * Says which agent, models and skills a text would get. It goes through the stages of the real
 * pipeline that decide that, up to the model. 0 a model may be asked, 1 none, or no such tenant.
 */
export const route = async (
  io: Io,
  text: string,
  options: AgentOptions & { readonly tenant: string },
): Promise<number> => {
  const { settings: path, tenant: id } = options;
  const loaded = lookAtSettings(io, path);
  const tenant = createTenantIndex(loaded.settings).get(id);
  if (!tenant) return noTenant(io, options, loaded, id);
  const { safetyOf } = loadContentRules(loaded, createLexiconLoader());
  const { skills } = await loadCatalogue(skillFolders(loaded.settings));

  let reached: Context | undefined;
  const stages = compose([
    dataIn(safetyOf),
    address(),
    async (context) => {
      reached = context;
      return { kind: "silence", reason: "NOT_ASKED" };
    },
  ]);
  const ended = await stages(asked(text, tenant));
  const facts = {
    tenant: id,
    agent: addressedIn(text, tenant.agents).agent?.name ?? null,
    ...(reached ? wayOf(reached, skills, loaded.providers) : NO_WAY),
    refusal: ended.kind === "refusal" ? ended.code : null,
  };
  if (facts.refusal === null && facts.models.length === 0) facts.refusal = "RESIDENCY_REFUSED";
  io.stdout.write(options.json ? `${JSON.stringify(facts, null, 2)}\n` : inWords(facts));
  return facts.refusal === null ? 0 : 1;
};

/** A text as if it had just come in a direct chat with nobody in particular. */
const asked = (text: string, tenant: Tenant): Context => ({
  message: messageOf(text),
  tenant,
  traceId: randomUUID(),
  locale: localeFor(tenant.locale, text),
  signal: new TurnSignal(),
  record: () => {},
  keep: () => {},
});

const messageOf = (text: string): InboundMessage => {
  const nobody = { channel: "", workspaceId: "" };
  return {
    ...nobody,
    id: "",
    sentAt: new Date(),
    content: { kind: "text", text },
    conversation: { id: "", kind: "direct" },
    sender: { id: "", displayName: "", isBot: false, departments: [], roles: [] },
    target: { ...nobody, appId: "", address: "", replyTo: "" },
  };
};

/** What somebody's text gets once it has passed. */
interface Way {
  /** As the model is told it, personal data redacted. */
  readonly text: string | null;
  readonly personal_data: boolean;
  readonly regions: readonly string[];
  readonly models: readonly (ModelChoice & { readonly has_key: boolean })[];
  readonly skills: readonly string[];
  /** The skill that the words alone point to. */
  readonly fits: string | null;
}

const NO_WAY: Way = {
  text: null,
  personal_data: true,
  regions: [],
  models: [],
  skills: [],
  fits: null,
};

const wayOf = (
  context: Context,
  known: ReadonlyMap<string, Skill>,
  providers: LoadedSettings["providers"],
): Way => {
  const { message, tenant } = context;
  const text = message.content.kind === "text" ? message.content.text : "";
  const tools = allowedTo(tenant, known).map(asTool);
  return {
    text,
    personal_data: context.isSensitive ?? false,
    regions: [...allowedRegions(context)].sort(),
    models: modelsFor(context, tools).map(({ provider, model, region }) => {
      const found = providers.get(provider);
      const has_key = found !== undefined && (!found.needsKey || found.apiKey !== undefined);
      return { provider, model, region, has_key };
    }),
    skills: tools.map(({ name }) => name),
    fits: fittingTool(text, tools)?.name ?? null,
  };
};

interface Facts extends Way {
  readonly tenant: string;
  readonly agent: string | null;
  readonly refusal: string | null;
}

const inWords = (way: Facts): string =>
  sections([
    ["Tenant", way.tenant],
    ["Agent", way.agent === null ? "the tenant itself: it has no agents" : `@${way.agent}`],
    ["Is told", ...(way.text?.split("\n") ?? ["nothing: the text is refused before"])],
    [
      "Personal data",
      way.personal_data ? "found: llm_config.sensitive decides where it may go" : "none found",
    ],
    ["May go to", way.regions.join(", ") || "nowhere"],
    [
      "Models, in order",
      ...way.models.map(
        ({ provider, model, region, has_key }) =>
          `${`${provider} ${model}`.trim()}, in region ${region}${has_key ? "" : "; it has no key, so it cannot be asked"}`,
      ),
    ],
    ["Skills", way.skills.join(", ") || "none"],
    ["Fits", way.fits ?? "no skill, by its words alone; a model may see that otherwise"],
    ["Refused", ...(way.refusal === null ? [] : [way.refusal])],
  ]);
