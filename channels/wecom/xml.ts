import { Parser } from "xml2js";

/** An element: its text, or the elements in it. */
type XmlValue = string | XmlElement;

/** Values by element name, each name's values in document order. */
export type XmlElement = ReadonlyMap<string, readonly XmlValue[]>;

/** The text is not a document that we are willing to read; `reason` holds no user text. */
export class XmlError extends Error {
  override readonly name = "XmlError";
  constructor(
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`XML refused: ${reason}`, options);
  }
}

const MAX_DEPTH = 8;
const MAX_ELEMENTS = 2000;
const ELEMENT_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Reads `<xml>…</xml>`: one root of that name, in it elements that hold either text or elements;
 * CDATA, comments, the five named and the numeric references. Values are the exact text, nothing
 * is trimmed or converted; attributes are ignored. Throws XmlError for everything else: DOCTYPE,
 * processing instructions, junk around the root, mixed content, more than 8 levels or 2000 elements.
 */
export const parseXml = (text: string): XmlElement => {
  const parser = new Parser({ ignoreAttrs: true });
  let failure: XmlError | undefined;
  let root: unknown;
  const fail = (error: unknown): never => {
    failure ??=
      error instanceof XmlError ? error : new XmlError("not well formed", { cause: error });
    throw failure;
  };
  parser.on("end", (result: unknown) => {
    root ??= result;
  });
  // xml2js given a callback goes deaf after the root's end; a listener hears of junk there too.
  parser.on("error", fail);
  guard((parser as unknown as { saxParser: SaxParser }).saxParser, fail);
  try {
    parser.parseString(text);
  } catch (error) {
    failure ??= new XmlError("not well formed", { cause: error });
  }
  if (failure) throw failure;
  const value = toValue((root as { xml?: unknown } | null | undefined)?.xml);
  // An element without anything in it looks like empty text.
  if (typeof value !== "string") return value;
  if (value.trim() === "") return new Map();
  throw new XmlError("text in the root");
};

/** The one text of `name`; undefined when absent. Throws XmlError when there are two, or elements in it. */
export const textOf = (element: XmlElement, name: string): string | undefined => {
  const values = element.get(name) ?? [];
  if (values.length > 1) throw new XmlError(`more than one ${name}`);
  const [value] = values;
  if (value !== undefined && typeof value !== "string") throw new XmlError(`elements in ${name}`);
  return value;
};

/** Makes `text` safe inside `<![CDATA[` and `]]>`, which cannot be escaped there. */
export const escapeCdata = (text: string): string => text.replaceAll("]]>", "]]]]><![CDATA[>");

/** What xml2js does not tell its callers; the events of the sax parser inside it. */
interface SaxParser {
  ENTITIES: Record<string, string>;
  ondoctype?: () => void;
  onsgmldeclaration?: () => void;
  onprocessinginstruction?: (instruction: { name: string }) => void;
  onopentagstart?: (tag: { name: string }) => void;
  onopencdata?: () => void;
  readonly tags: readonly unknown[];
  readonly startTagPosition: number;
}

/** Stops at the first event that no message has, before xml2js could hide it. */
const guard = (sax: SaxParser, fail: (error: XmlError) => never): void => {
  let elements = 0;
  // Without a prototype, so that `&constructor;` is as unknown as any other name.
  sax.ENTITIES = Object.assign(Object.create(null), {
    amp: "&",
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
  });
  sax.ondoctype = () => fail(new XmlError("DOCTYPE"));
  sax.onsgmldeclaration = () => fail(new XmlError("markup declaration"));
  sax.onprocessinginstruction = ({ name }) => {
    // The XML declaration looks like one, and may stand at the very start only.
    if (name !== "xml" || sax.startTagPosition > 1) fail(new XmlError("processing instruction"));
  };
  sax.onopencdata = () => {
    if (sax.tags.length === 0) fail(new XmlError("text outside the root"));
  };
  sax.onopentagstart = ({ name }) => {
    // xml2js builds on plain objects, where inherited names look like elements already there.
    if (!ELEMENT_NAME.test(name) || name in Object.prototype) fail(new XmlError("element name"));
    if (sax.tags.length === 0 && (elements > 0 || name !== "xml")) fail(new XmlError("root"));
    if (sax.tags.length >= MAX_DEPTH) fail(new XmlError("too deep"));
    elements += 1;
    if (elements > MAX_ELEMENTS) fail(new XmlError("too many elements"));
  };
};

/** From xml2js's shape: a string, or an object of arrays with stray text under `_`. */
const toValue = (node: unknown): XmlValue => {
  if (typeof node === "string") return node;
  if (typeof node !== "object" || node === null) throw new XmlError("no root");
  const element = new Map<string, XmlValue[]>();
  for (const [name, children] of Object.entries(node)) {
    if (!Array.isArray(children)) throw new XmlError("text beside elements");
    element.set(name, children.map(toValue));
  }
  return element;
};
