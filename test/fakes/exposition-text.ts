/** One line of figures. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)/;
const SUFFIXES = { histogram: ["_bucket", "_sum", "_count"], counter: [""], gauge: [""] } as const;

/**
 * Reads a scrape as strictly as Prometheus and `promtool check metrics` do: throws where a line is
 * no figure, a series comes twice or without its HELP and TYPE, or a histogram's buckets do not add up.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export const readExposition = (text: string): readonly Sample[] => {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const types = new Map<string, keyof typeof SUFFIXES>();
  const helped = new Set<string>();
  const seen = new Set<string>();
  const samples: Sample[] = [];
  let family = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const about = /^# (HELP|TYPE) (\S+) (.+)$/s.exec(line);
    if (about) {
      const [, what, name = "", rest = ""] = about;
      if (!NAME.test(name)) throw new Error(`not a name: ${line}`);
      if (what === "HELP") {
        if (helped.has(name)) throw new Error(`HELP twice: ${line}`);
        helped.add(name);
      } else {
        if (types.has(name) || !(rest in SUFFIXES)) throw new Error(`bad TYPE: ${line}`);
        if (!helped.has(name)) throw new Error(`TYPE without HELP: ${line}`);
        types.set(name, rest as keyof typeof SUFFIXES);
      }
      family = name;
      continue;
    }
    const sample = readSample(line);
    const type = types.get(family);
    const isOfFamily =
      type && SUFFIXES[type].some((suffix: string) => sample.name === `${family}${suffix}`);
    if (!isOfFamily) throw new Error(`not of the family ${family}: ${line}`);
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    samples.push(sample);
  }
  for (const [name, type] of types) if (type === "histogram") checkHistogram(name, samples);
  return samples;
};

const readSample = (line: string): Sample => {
  const [, name = "", inside = "", number = ""] = LINE.exec(line) ?? [];
  const value = Number(number);
  if (name === "" || Number.isNaN(value)) throw new Error(`no figure: ${line}`);
  const labels: Record<string, string> = {};
  for (let rest = inside; rest !== ""; ) {
    const [whole = "", label = "", text = ""] = LABEL.exec(rest) ?? [];
    if (whole === "" || label in labels) throw new Error(`bad labels: ${line}`);
    labels[label] = text.replaceAll(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
    rest = rest.slice(whole.length);
  }
  return { name, labels, value };
};

const checkHistogram = (name: string, samples: readonly Sample[]): void => {
  const buckets = new Map<string, number>();
  for (const { name: of, labels, value } of samples) {
    const { le, ...own } = labels;
    const key = JSON.stringify(own);
    if (of === `${name}_bucket`) {
      if (value < (buckets.get(key) ?? 0)) throw new Error(`${name}: buckets that sink`);
      buckets.set(key, value);
      if (le === undefined) throw new Error(`${name}: a bucket without an end`);
    }
    if (of === `${name}_count` && value !== buckets.get(key)) {
      throw new Error(`${name}: the last bucket is not the count`);
    }
  }
};
