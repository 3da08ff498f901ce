import { z } from "zod";
import { formatPath } from "./problem.ts";
import { typeText } from "./schema-text.ts";
import { type Unwrapped, unwrap } from "./schema-walk.ts";

/** The settings reference as Markdown, one table a block, from the schema alone. */
export const renderReference = (schema: z.ZodObject): string => {
  const sections = Object.entries(schema.shape).map(([name, block]) => {
    const { description = "" } = unwrap(block);
    const rows = rowsOf(block, name).map(renderRow);
    return [`## ${name}`, "", description, "", ...HEADER, ...rows].join("\n");
  });
  return `${[INTRODUCTION, ...sections].join("\n\n")}\n`;
};

const INTRODUCTION = `# Settings

Generated from \`config/schema.ts\`; do not edit by hand.

\`settings.json\` is JSON with comments and trailing commas. It is taken from \`--settings FILE\`, else
from the file that \`CLAWGATE_SETTINGS\` names, else from \`./settings.json\`, else the built-in demo
runs. Unknown keys, duplicate keys, missing variables and wrong types are errors;
\`clawgate config check\` lists all of them at once.

- Text values may hold \`\${NAME}\` or \`\${NAME:-default}\` (the default is also taken when the variable
  is empty); \`$\${\` stands for \`\${\`. A value that is one placeholder and nothing else is converted to
  the type of its key. What a variable holds is not looked at again.
- A *secret* may also be \`file:/path\`, a file that holds the secret in one line.
- Relative paths start at the folder of the settings file.
- **Required** keys are required where the object around them is given. *Not enforced yet*: the key
  is known and checked, but this version does not act on it.`;

const HEADER = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"];

interface Row {
  readonly path: string;
  readonly schema: z.core.$ZodType;
  readonly own: Unwrapped;
  readonly isLater: boolean;
}

const rowsOf = (schema: z.core.$ZodType, path: string, isLater = false): readonly Row[] => {
  const { core } = unwrap(schema);
  if (core instanceof z.ZodArray) return rowsOf(core.element, `${path}[]`, isLater);
  if (core instanceof z.ZodRecord) return rowsOf(core.valueType, `${path}.{name}`, isLater);
  if (!(core instanceof z.ZodObject)) return [];
  return Object.entries(core.shape).flatMap(([key, child]) => {
    const own = unwrap(child);
    const row: Row = {
      path: `${path}.${formatPath([key])}`,
      schema: child,
      own,
      isLater: isLater || own.marks.isEnforced !== undefined,
    };
    return [row, ...rowsOf(child, row.path, row.isLater)];
  });
};

const renderRow = ({ path, schema, own, isLater }: Row): string => {
  const type = own.marks.secret ? `${typeText(schema)}; *secret*` : typeText(schema);
  const value = own.defaultValue;
  const fallback =
    value !== undefined ? `\`${JSON.stringify(value)}\`` : own.isOptional ? "" : "**required**";
  const remark = isLater ? laterRemark(own, schema) : "";
  const cells = [`\`${path}\``, type, fallback, `${own.description ?? ""}${remark}`];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
};

// A key may be enforced for some of its values: those are said, where the schema lists values.
const laterRemark = ({ marks, core }: Unwrapped, schema: z.core.$ZodType): string => {
  const { isEnforced } = marks;
  if (!isEnforced) return " *Not enforced yet.*";
  const options: readonly unknown[] = core instanceof z.ZodEnum ? core.options : [];
  const pending = options.filter((option) => !isEnforced(option));
  if (pending.length > 0 && pending.length < options.length) {
    return ` *Not enforced yet: ${pending.map((option) => `\`${option}\``).join(", ")}.*`;
  }
  return typeText(schema).includes("file:")
    ? " *Not enforced yet, but for `file:`.*"
    : " *Not enforced yet.*";
};
