import type { LoadedSettings } from "../config/load.ts";
import type { Settings } from "../config/schema.ts";
import { createSandbox } from "../sandbox/openshell.ts";
import { loadCatalogue } from "../skills/catalogue.ts";
import { examineDiscord } from "./doctor-discord.ts";
import { listenerFinding } from "./doctor-listener.ts";
import { redisFinding } from "./doctor-redis.ts";
import { examineSlack } from "./doctor-slack.ts";
import { storeFindings } from "./doctor-store.ts";
import { examineDemo, examineWecom } from "./doctor-wecom.ts";
import { bad, type Finding, ok } from "./finding.ts";
import { enginesFolder } from "./open-sandbox.ts";
import { sandboxWords } from "./sandbox-words.ts";
import { skillFolders } from "./skill-folders.ts";
import { skillWarnings } from "./skill-warnings.ts";

/** Looks at everything but the settings themselves; works beside a running gateway. */
export const examine = async (loaded: LoadedSettings): Promise<readonly Finding[]> => {
  const { settings } = loaded;
  const { redis_url } = settings.queue;
  return [
    await listenerFinding(settings, new Date()),
    ...(await storeFindings(loaded)),
    ...(redis_url === undefined ? [] : [await redisFinding(redis_url)]),
    await sandboxFinding(settings),
    await skillFinding(settings),
    ...(await (loaded.isDemo ? examineDemo(settings) : examineWecom(settings))),
    ...(await examineSlack(settings)),
    ...(await examineDiscord(settings)),
  ];
};

const skillFinding = async (settings: Settings): Promise<Finding> => {
  const catalogue = await loadCatalogue(skillFolders(settings));
  const known = [...catalogue.skills.keys()].join(", ") || "none";
  const warnings = skillWarnings(settings, catalogue);
  return {
    check: "skills",
    state: catalogue.problems.length > 0 ? "bad" : "ok",
    text: [known, ...warnings].join("\n"),
    ...(warnings.length > 0 && { remedy: "correct the folder or the name (docs/skills.md)" }),
  };
};

const sandboxFinding = async (settings: Settings): Promise<Finding> => {
  const sandbox = createSandbox({
    ...settings.openshell,
    enginesFolder,
    auditSink: "none", // it probes and runs nothing
    warmPool: "off",
    log: { info: () => {}, warn: () => {} },
  });
  try {
    const status = await sandbox.status();
    return status.ok
      ? ok("sandbox", sandboxWords(status, settings.openshell).join("\n"))
      : bad(
          "sandbox",
          `skills are off: ${status.reason}`,
          "`clawgate sandbox probe` says of each engine why; `npm start` as root installs gVisor",
        );
  } finally {
    await sandbox.close();
  }
};
