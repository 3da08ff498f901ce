/** Where data goes when a model is asked. */
export type Region = "on-prem" | "cn" | "overseas";

/** How a provider is spoken to. */
export type Wire = "openai" | "anthropic" | "rules" | "echo";

/** What is known of a kind of provider before anything is said in the settings. */
export interface Preset {
  readonly wire: Wire;
  readonly region: Region;
  /** Absent for what is built in. */
  readonly baseUrl?: string;
  /** The variable that usually holds the key. */
  readonly keyVariable?: string;
  /** Servers of some kinds usually run without a key, of others only those of one's own. */
  readonly needsKey: "always" | "at baseUrl" | "never";
}

/** The kinds that `models.providers.*.kind` may name. */
export const KINDS = [
  "openai",
  "anthropic",
  "deepseek",
  "qwen",
  "ernie",
  "zhipu",
  "moonshot",
  "nim",
  "vllm",
  "ollama",
  "openclaw",
  "rules",
  "echo",
] as const;

export type Kind = (typeof KINDS)[number];

const remote = (baseUrl: string, keyVariable: string, region: Region): Preset => ({
  wire: "openai",
  region,
  baseUrl,
  keyVariable,
  needsKey: "always",
});

const local = (baseUrl: string, keyVariable: string): Preset => ({
  ...remote(baseUrl, keyVariable, "on-prem"),
  needsKey: "never",
});

/** Address, usual key variable and region of each kind. */
export const PRESETS: Readonly<Record<Kind, Preset>> = {
  // https://platform.openai.com/docs/api-reference
  openai: remote("https://api.openai.com/v1", "OPENAI_API_KEY", "overseas"),
  // https://docs.anthropic.com/en/api/overview
  anthropic: {
    ...remote("https://api.anthropic.com", "ANTHROPIC_API_KEY", "overseas"),
    wire: "anthropic",
  },
  // https://api-docs.deepseek.com
  deepseek: remote("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "cn"),
  // https://help.aliyun.com/zh/model-studio/
  qwen: remote("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY", "cn"),
  // https://cloud.baidu.com/doc/qianfan/
  ernie: remote("https://qianfan.baidubce.com/v2", "QIANFAN_API_KEY", "cn"),
  // https://docs.bigmodel.cn
  zhipu: remote("https://open.bigmodel.cn/api/paas/v4", "ZHIPUAI_API_KEY", "cn"),
  // https://platform.moonshot.cn/docs
  moonshot: remote("https://api.moonshot.cn/v1", "MOONSHOT_API_KEY", "cn"),
  // The hosted catalogue; a container of one's own sets `base_url` and `region`.
  // https://docs.api.nvidia.com/nim/
  nim: {
    ...remote("https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY", "overseas"),
    needsKey: "at baseUrl",
  },
  // https://docs.vllm.ai
  vllm: local("http://127.0.0.1:8000/v1", "VLLM_API_KEY"),
  // https://github.com/ollama/ollama/blob/main/docs/openai.md
  ollama: local("http://127.0.0.1:11434/v1", "OLLAMA_API_KEY"),
  // https://docs.openclaw.ai
  openclaw: remote("http://127.0.0.1:18789/v1", "OPENCLAW_GATEWAY_TOKEN", "on-prem"),
  rules: { wire: "rules", region: "on-prem", needsKey: "never" },
  echo: { wire: "echo", region: "on-prem", needsKey: "never" },
};

/** Whether a provider of this name exists without being declared. */
export const isPresetName = (name: string): name is Kind => Object.hasOwn(PRESETS, name);
