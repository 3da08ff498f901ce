/** The variables that the file written by `init` reads. */
export const INIT_VARIABLES = [
  { name: "WECHAT_CORP_ID", meaning: "My Company > Company ID" },
  { name: "WECHAT_AGENT_ID", meaning: "the app's page: AgentId" },
  { name: "WECHAT_SECRET", meaning: "the app's page: Secret" },
  { name: "WECHAT_TOKEN", meaning: "the app > Receive messages > Token" },
  { name: "WECHAT_AES_KEY", meaning: "the app > Receive messages > EncodingAESKey" },
] as const;

const variable = (name: (typeof INIT_VARIABLES)[number]["name"]): string => `"\${${name}}"`;

/** A commented settings.json for one real WeCom app and one tenant. */
export const renderInitSettings = (): string => `{
  // Every key is explained in docs/settings.md; \`clawgate config check\` says what is wrong.
  // \${NAME} is an environment variable. Secrets may also be files: "file:/run/secrets/wechat".

  "server": {
    // Loopback only: put a proxy that ends TLS in front, on this machine, or set "tls" here.
    "host": "127.0.0.1",
    "port": 18789
    // , "public_url": "https://agents.company.com"
    // , "trusted_proxies": ["10.0.0.5"]
    // , "tls": { "cert_file": "certs/tls.crt", "key_file": "certs/tls.key" }
  },

  // Messages and the audit log, in a folder beside this file.
  "storage": { "url": "file:./data" },

  "channels": {
    "wechat_work": {
      "enabled": true,
      "corp_id": ${variable("WECHAT_CORP_ID")},
      "agent_id": ${variable("WECHAT_AGENT_ID")},
      "secret": ${variable("WECHAT_SECRET")},
      "token": ${variable("WECHAT_TOKEN")},
      "encoding_aes_key": ${variable("WECHAT_AES_KEY")},
      // The callback URL in the admin console ends with this path.
      "webhook_path": "/api/wechat/callback"
    }
  },

  "multi_tenant": {
    "enabled": true,
    "tenants": [
      {
        "id": "company",
        "name": "Company",
        // Who belongs here: the whole corp. Add "department" or "conversation" to be more exact.
        "bindings": [{ "channel": "wechat_work", "workspace": ${variable("WECHAT_CORP_ID")} }],
        // "*" allows every skill; what is in "blocked_skills" stays blocked all the same.
        "allowed_skills": ["calculator", "csv-summary"],
        "blocked_skills": [],
        // "rules" is built in, needs no key and no network. For a model:
        // { "provider": "qwen", "model": "qwen-plus", "data_residency": "domestic" } and DASHSCOPE_API_KEY.
        "llm_config": { "provider": "rules" }
      }
    ]
  },

  // What a skill may use; without an engine that passes its self-test, skills are off.
  "openshell": {
    "isolation": "gvisor",
    "network": { "mode": "off" },
    "execution": { "max_cpu_seconds": 30, "max_memory_mb": 512 }
  }
}
`;
