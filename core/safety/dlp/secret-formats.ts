// Keys that their issuers gave a form of their own. Each alternative starts with fixed characters, a
// letter or digit first, and repeats single classes only, so that matching stays linear.
const TOKENS: readonly string[] = [
  // Amazon Web Services, Google, Azure, Alibaba Cloud, Tencent Cloud, Baidu, Volcengine, DigitalOcean
  "(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}",
  "AIza[\\w-]{35}",
  "ya29\\.[\\w-]{20,1000}",
  "GOCSPX-[\\w-]{24,40}",
  "LTAI[A-Za-z0-9]{12,30}",
  "ABSK[A-Za-z0-9+/]{100,180}={0,2}",
  "AKID[A-Za-z0-9]{32,48}",
  "bce-v3/ALTAK-[A-Za-z0-9]{16,32}/[0-9a-f]{40}",
  "AKLT[A-Za-z0-9]{36,60}",
  "do[opr]_v1_[a-f0-9]{64}",
  // OpenAI, Anthropic, DeepSeek, OpenRouter and others with `sk-`; Hugging Face, NVIDIA, Groq, xAI,
  // Perplexity, Replicate
  "sk-(?:ant|proj|svcacct|admin|or)-[\\w-]{16,300}",
  "sk-[A-Za-z0-9]{20,200}",
  "hf_[A-Za-z0-9]{30,60}",
  "nvapi-[\\w-]{40,100}",
  "gsk_[A-Za-z0-9]{40,80}",
  "xai-[A-Za-z0-9]{40,120}",
  "pplx-[A-Za-z0-9]{32,80}",
  "r8_[A-Za-z0-9]{30,60}",
  // GitHub, GitLab, npm, PyPI, Docker, Terraform, Vault, Databricks, Linear, Postman, Sentry, Atlassian,
  // Grafana, New Relic, age
  "gh[pousr]_[A-Za-z0-9]{36,255}",
  "github_pat_\\w{22,255}",
  "gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[\\w.-]{20,300}",
  "npm_[A-Za-z0-9]{36}",
  "pypi-[\\w-]{50,300}",
  "dckr_pat_[\\w-]{20,60}",
  "hv[sb]\\.[\\w-]{20,300}",
  "dapi[a-f0-9]{32}",
  "lin_api_[A-Za-z0-9]{32,60}",
  "PMAK-[a-f0-9]{24}-[a-f0-9]{34}",
  "sntrys_[\\w+/=-]{40,300}",
  "ATATT3[\\w=-]{60,250}",
  "glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}",
  "NRAK-[A-Z0-9]{27}",
  "AGE-SECRET-KEY-1[A-Z0-9]{58}",
  // Slack, Discord, Telegram, Stripe, Square, Shopify, SendGrid, Twilio, Mailgun, Mailchimp
  "xox[abeoprs]-[\\w-]{10,250}",
  "xapp-\\d-[\\w-]{20,250}",
  "hooks\\.slack\\.com/(?:services|workflows)/[\\w/]{20,120}",
  "discord(?:app)?\\.com/api/webhooks/\\d{15,21}/[\\w-]{40,100}",
  "(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,250}",
  "whsec_[A-Za-z0-9+/=]{24,80}",
  "sq0(?:atp|csp)-[\\w-]{22,50}",
  "shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
  "SG\\.[\\w-]{16,32}\\.[\\w-]{32,64}",
  "SK[0-9a-f]{32}",
  "key-[0-9a-f]{32}",
  // WeChat Work: the key of a group robot
  "qyapi\\.weixin\\.qq\\.com/cgi-bin/webhook/send\\?key=[\\w-]{30,40}",
  // Feishu and Lark: the same
  "open\\.(?:feishu\\.cn|larksuite\\.com)/open-apis/bot/v2/hook/[\\w-]{30,40}",
  // Notion, Fireworks, ElevenLabs
  "ntn_[A-Za-z0-9]{40,60}",
  "fw_[A-Za-z0-9]{22,32}",
  "sk_[0-9a-f]{48}",
  // JSON Web Token
  "eyJ[\\w-]{8,4000}\\.eyJ[\\w-]{8,8000}(?:\\.[\\w-]{10,2000})?",
];

// The same of keys that start like any word: what they hold further on, which few texts do, and the key.
const LATE_TOKENS: readonly (readonly [hint: RegExp, token: string])[] = [
  // Azure
  [/[78]Q~/, "[A-Za-z0-9_~.]{3}[78]Q~[\\w~.-]{31,34}"],
  // Terraform
  [/\.atlasv1\./, "[A-Za-z0-9]{14}\\.atlasv1\\.[\\w-]{60,80}"],
  // Discord
  [/\.[\w-]{6}\./, "[MNO][\\w-]{23,27}\\.[\\w-]{6}\\.[\\w-]{27,42}"],
  // Telegram
  [/\d:AA/, "\\d{8,10}:AA[\\w-]{33}"],
  // Zhipu; what follows a hash may be a file's ending
  [
    /\.(?<=[0-9a-f]{8}\.)[A-Za-z0-9]{16}/,
    "[0-9a-f]{32}\\.(?=[A-Za-z0-9]{0,15}[A-Z])(?=[A-Za-z0-9]{0,15}[a-z])[A-Za-z0-9]{16}",
  ],
  // Airtable
  [/\.[0-9a-f]{64}/, "pat[A-Za-z0-9]{14}\\.[0-9a-f]{64}"],
  // Mailchimp
  [/-us\d/, "[0-9a-f]{32}-us\\d{1,2}"],
];

/** Finds keys with a form of their own in a folded text. `g`. */
export const SECRET_TOKEN = new RegExp(`\\b(?:${TOKENS.join("|")})(?![A-Za-z0-9_])`, "g");

/** The same of those that start like any word, and before each what a text with one must hold. */
export const LATE_SECRET_TOKENS: readonly (readonly [hint: RegExp, token: RegExp])[] =
  LATE_TOKENS.map(([hint, token]) => [
    hint,
    new RegExp(`(?<![A-Za-z0-9_])(?:${token})(?![A-Za-z0-9_])`, "g"),
  ]);

// A separator of the alphabet's own would make matching more than linear.
const spaced = (prefix: string, alphabet: string, count: number, between = "\\s{0,2}"): string =>
  `${[...prefix].join(between)}(?:${between}[${alphabet}]){${count}}`;

// A key that may be longer goes on to the next blank.
const spacedOpen = (prefix: string, alphabet: string, count: number): string =>
  `${spaced(prefix, alphabet, count)}[${alphabet}]{0,300}`;

/** The commonest keys, torn apart by blanks or line breaks. */
export const TORN_SECRET_TOKEN = new RegExp(
  `(?<![A-Za-z0-9_])(?:${[
    spaced("AKIA", "A-Z0-9", 16, "[\\s-]{0,2}"),
    spaced("AIza", "A-Za-z0-9_-", 35),
    spaced("ghp_", "A-Za-z0-9", 36),
    spacedOpen("sk-ant-", "\\w-", 32),
    spacedOpen("sk-proj-", "\\w-", 32),
    spaced("sk_live_", "A-Za-z0-9", 24),
    spacedOpen("sk-", "A-Za-z0-9", 32),
    spacedOpen("glpat-", "\\w-", 20),
    spacedOpen("xoxb-", "\\w-", 24),
  ].join("|")})`,
  "g",
);

/** What every torn key starts with. */
export const TORN_HINT =
  /A[\s-]{0,2}K[\s-]{0,2}I|A\s{0,2}I\s{0,2}z|g\s{0,2}h\s{0,2}p|s\s{0,2}k\s{0,2}[-_]|g\s{0,2}l\s{0,2}p|x\s{0,2}o\s{0,2}x/;

/** The line that a private key in PEM starts with. `g`. */
export const PRIVATE_KEY_START =
  /-{5} ?BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{5}/g;

/** The line that it ends with. `g`. */
export const PRIVATE_KEY_END = /-{5} ?END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{5}/g;
