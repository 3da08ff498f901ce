import type { Command } from "commander";

/** A command line for each verb, as its `--help` shows it below `npx clawgate`. */
export const EXAMPLES: ReadonlyMap<string, readonly string[]> = new Map([
  ["start", ["start --settings settings.json", "start --role worker"]],
  ["doctor", ["doctor --settings settings.json"]],
  ["init", ["init --out /etc/clawgate/settings.json"]],
  ["config check", ["config check --settings settings.json"]],
  ["config show", ["config show --settings settings.json"]],
  [
    "simulate wecom",
    [
      'simulate wecom "what is 12% of 340"',
      "simulate wecom --kind image photo",
      'simulate wecom --bot --group room1 "hello"',
    ],
  ],
  ["simulate slack", ['simulate slack "what is 12% of 340" --channel C0123']],
  ["simulate discord", ['simulate discord "what is 12% of 340" --direct']],
  ["tenant list", ["tenant list"]],
  ["tenant show", ["tenant show sales"]],
  ["tenant who", ["tenant who wechat_work:wwcorp:zhangsan --department 3"]],
  ["agent list", ["agent list --tenant sales"]],
  ["agent route", ['agent route --tenant sales "@writer a line about spring"']],
  ["queue list", ["queue list --tenant sales --state dead"]],
  ["queue show", ["queue show 412"]],
  ["queue replay", ["queue replay 412"]],
  ["queue drop", ["queue drop 412"]],
  ["queue recall", ["queue recall 412"]],
  ["review list", ["review list --tenant sales"]],
  ["review release", ["review release bkqdmfxz --tenant sales"]],
  ["review reject", ["review reject bkqdmfxz --tenant sales"]],
  [
    "key create",
    ["key create --tenant sales --label pager --permission queue:view --expires-in 90d"],
  ],
  ["key list", ["key list"]],
  ["key revoke", ["key revoke 1f56420c36ab0524"]],
  ["key rotate", ["key rotate", "key rotate --step add"]],
  ["sandbox probe", ["sandbox probe"]],
  ["sandbox run", ["sandbox run --config openshell.json --request job.json --result result.json"]],
  ["sandbox explain", ["sandbox explain sales", "sandbox explain sales calculator"]],
  ["sandbox policy import", ["sandbox policy import policy.yaml -o openshell.json"]],
  ["sandbox policy export", ["sandbox policy export -o policy.yaml"]],
  ["sandbox policy explain", ["sandbox policy explain policy.yaml"]],
  ["policy explain", ["policy explain sales"]],
  ["policy moderation", ["policy moderation --jsonl --lexicon terms.json < texts.jsonl"]],
  ["policy dlp", ["policy dlp --jsonl --settings settings.json --tenant sales < texts.jsonl"]],
  ["audit verify", ["audit verify", "audit verify --checkpoints kept.jsonl --public-key kept.pem"]],
  [
    "audit export",
    ["audit export --tenant sales --format csv --from 2026-03-01 --to 2026-03-31 > march.csv"],
  ],
  ["audit public-key", ["audit public-key > kept.pem"]],
  ["memory search", ['memory search "spring campaign" --tenant sales']],
  ["memory export", ["memory export --tenant sales --user wechat_work:wwcorp:zhangsan"]],
  ["memory erase", ["memory erase --tenant sales --user wechat_work:wwcorp:zhangsan --yes"]],
  ["memory verify", ["memory verify certificate.json --public-key kept.pem"]],
  ["memory hold", ["memory hold --tenant sales --user wechat_work:wwcorp:zhangsan"]],
  ["memory release", ["memory release --tenant sales --user wechat_work:wwcorp:zhangsan"]],
]);

/** Puts each verb's example below its help. */
export const addExamples = (command: Command, path: readonly string[] = []): void => {
  const lines = EXAMPLES.get(path.join(" ")) ?? [];
  if (lines.length > 0) {
    const text = lines.map((line) => `  npx clawgate ${line}`).join("\n");
    command.addHelpText("after", `\nFor example:\n${text}`);
  }
  for (const sub of command.commands) addExamples(sub, [...path, sub.name()]);
};
