import type { LoadedSettings } from "../config/load.ts";
import { parsePerson } from "../config/person.ts";
import { foldConversation } from "../config/tenant.ts";
import { wecomApps } from "../config/wecom-apps.ts";
import { loadCatalogue } from "../skills/catalogue.ts";
import type { Io } from "./io.ts";
import { lookAtSettings } from "./look-at-settings.ts";
import { PERSON_FORM } from "./person-name.ts";
import { MISUSE, sayNo } from "./say-no.ts";
import { skillFolders } from "./skill-folders.ts";
import { type WhoSubject, whoFacts } from "./tenant-who-facts.ts";
import { whoWords } from "./tenant-who-words.ts";

export interface WhoOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
  readonly department?: readonly string[] | undefined;
  readonly role?: readonly string[] | undefined;
  readonly group?: readonly string[] | undefined;
  readonly conversation?: string | undefined;
}

/** Says whose tenant somebody is in and what they may do, and why. 0 may chat, 1 may not, 2 misuse. */
export const who = async (io: Io, written: string, options: WhoOptions): Promise<number> => {
  const found = parsePerson(written);
  if (!found) {
    const problem = `tenant who: ${JSON.stringify(written)} names nobody; write ${PERSON_FORM}`;
    return sayNo(io, options, MISUSE, problem);
  }
  const { settings: path } = options;
  const loaded = lookAtSettings(io, path);
  const person: WhoSubject = {
    ...found,
    conversationId: foldConversation(found.channel, options.conversation),
    roles: options.role,
    departments: options.department,
    groups: options.group,
  };
  const catalogue = await loadCatalogue(skillFolders(loaded.settings));
  const facts = whoFacts(loaded, inTheOnlyApp(loaded, person), catalogue);
  io.stdout.write(options.json ? `${JSON.stringify(facts, null, 2)}\n` : whoWords(facts));
  return facts.may_chat ? 0 : 1;
};

/** Where a corp has one app, a person's direct chat with it is as good as told. */
const inTheOnlyApp = ({ settings }: LoadedSettings, person: WhoSubject): WhoSubject => {
  if (person.channel !== "wechat_work" || person.conversationId !== undefined) return person;
  const apps = wecomApps(settings).filter(({ corp_id }) => corp_id === person.workspaceId);
  const [only] = apps;
  return only && apps.length === 1
    ? { ...person, conversationId: `${only.agent_id}/${person.senderId.toLowerCase()}` }
    : person;
};
