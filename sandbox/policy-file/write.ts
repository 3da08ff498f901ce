import { Document, isMap, isPair, isScalar, visit } from "yaml";
import type { PolicyDocument } from "./document.ts";
import { resolvePlain } from "./yaml-scalar.ts";

/** Writes a policy so that every reader of YAML reads the same; `comments` stand above it. */
export const writePolicy = (policy: PolicyDocument, comments: readonly string[]): string => {
  const document = new Document(policy, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value !== "string") return;
      const plain = resolvePlain(node.value);
      if (!("value" in plain) || plain.value !== node.value) node.type = "QUOTE_DOUBLE";
    },
  });
  if (isMap(document.contents)) {
    // An empty line before each section.
    for (const [index, pair] of document.contents.items.entries()) {
      if (index > 0 && isPair(pair) && isScalar(pair.key)) pair.key.spaceBefore = true;
    }
  }
  const header = comments
    .map((line) => `# ${line.replace(/[\r\n\x85\u2028\u2029]+/g, " ")}\n`)
    .join("");
  return header + (header && "\n") + document.toString({ lineWidth: 0 });
};
