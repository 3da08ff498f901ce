import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readXml } from "../../../channels/wecom/read-xml.ts";
import { parseXml, type XmlElement, XmlError } from "../../../channels/wecom/xml.ts";

/** What comes of reading: the document, or the reason why it was refused. */
const outcome = (read: (text: string) => XmlElement, text: string): unknown => {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return { refused: error.reason };
  }
};

const callback = (content: string): string =>
  `<xml><ToUserName><![CDATA[wwcorp]]></ToUserName>\n<Content>${content}</Content>\r\n` +
  "<CreateTime>1700000000</CreateTime><Empty></Empty></xml>\n";

const alike: Record<string, string> = {
  "an ordinary message": callback("<![CDATA[你好 [微笑] <b>&amp;]]>"),
  "a section that hides its own end": callback("<![CDATA[a]]></Content><Content><![CDATA[b]]>"),
  "an end of CDATA split over two sections": callback("<![CDATA[a]]]]><![CDATA[>b]]>"),
  "CDATA beside text": callback("a<![CDATA[b]]>"),
  "text with the end of a section": callback("a]]>b"),
  "a reference": callback("a &lt; b"),
  "an unknown reference": callback("a &nbsp; b"),
  "a comment": callback("<!-- a -->"),
  "an element in an element": callback("<a>1</a>"),
  "an end tag of nothing": "<xml></a>x<//a></xml>",
  "an end tag with white space": "<xml><a>1</a ></xml>",
  "another end tag": "<xml><a>1</b></xml>",
  "an attribute": '<xml><a b="1">1</a></xml>',
  "two of one name": "<xml><a>1</a><a>2</a></xml>",
  "a second root": "<xml><a>1</a></xml><xml><a>2</a></xml>",
  "junk after the root": "<xml><a>1</a></xml>x",
  "text in the root": "<xml><a>1</a>x</xml>",
  "a no-break space in the root": "<xml><a>1</a>\u00a0</xml>",
  "a no-break space after the root": "<xml><a>1</a></xml>\u00a0",
  "a mark of the byte order": "\ufeff<xml><a>1</a></xml>",
  "a root that is not closed": "<xml><a>1</a>",
  "an element named constructor": "<xml><constructor>1</constructor></xml>",
  "an element named __proto__": "<xml><__proto__>1</__proto__></xml>",
  "an element named _": "<xml><_>1</_></xml>",
  "an element named cdata": "<xml><cdata><![CDATA[ ]]></cdata><a/></xml>",
  "a name of 128 characters": `<xml><${"a".repeat(128)}>1</${"a".repeat(128)}></xml>`,
  "a name of 129 characters": `<xml><${"a".repeat(129)}>1</${"a".repeat(129)}></xml>`,
  "2001 elements": `<xml>${Array.from({ length: 2000 }, (_, n) => `<a${n}>1</a${n}>`).join("")}</xml>`,
  "an empty root": "<xml></xml>",
  "a NUL": "<xml><a>\u0000</a></xml>",
};

describe("readXml", () => {
  it.each(Object.entries(alike))("treats %s as the strict parser does", (_name, text) => {
    expect(outcome(readXml, text)).toEqual(outcome(parseXml, text));
  });

  it("never disagrees with the strict parser", () => {
    const value = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("]]>", "]", "]]", "<![CDATA[", "&lt;", "&", "<", " ", "\n", "</a>", "<b>"),
    );
    const text = fc.array(value, { maxLength: 4 }).map((pieces) => pieces.join(""));
    const name = fc.constantFrom("a", "b", "c", "Encrypt", "cdata", "_", "constructor", "x-1");
    const element = fc
      .tuple(name, name, text, fc.boolean(), fc.boolean())
      .map(([start, other, content, isCdata, isClosed]) => {
        const inside = isCdata ? `<![CDATA[${content}]]>` : content;
        return `<${start}>${inside}</${isClosed ? start : other}>`;
      });
    const piece = fc.oneof(
      { weight: 8, arbitrary: element },
      fc.constantFrom(" ", "\n", "\u00a0", "</xml>", "<xml>", "<!-- -->", "<?a?>", "<a/>", "x"),
    );
    const document = fc
      .tuple(fc.array(piece, { maxLength: 6 }), fc.constantFrom("", " ", "\n", "x", "<a/>", "\0"))
      .map(([pieces, tail]) => `<xml>${pieces.join("")}</xml>${tail}`);
    fc.assert(
      fc.property(document, (xml) => {
        expect(outcome(readXml, xml)).toEqual(outcome(parseXml, xml));
      }),
      { numRuns: 5000 },
    );
  });
});
