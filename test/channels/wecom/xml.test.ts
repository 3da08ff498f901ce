import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  escapeCdata,
  parseXml,
  textOf,
  type XmlElement,
  XmlError,
} from "../../../channels/wecom/xml.ts";
import { processorMs } from "../../fakes/processor-time.ts";

/** Maps as plain objects, to compare with. */
const plain = (element: XmlElement): object =>
  Object.fromEntries(
    [...element].map(([name, values]) => [
      name,
      values.map((value) => (typeof value === "string" ? value : plain(value))),
    ]),
  );

const refused: Record<string, string> = {
  "a DOCTYPE": "<!DOCTYPE xml><xml><a>1</a></xml>",
  "a DOCTYPE in another case": "<!doctype xml><xml/>",
  "a DOCTYPE after the root": "<xml/><!DOCTYPE xml>",
  "a DOCTYPE that never ends": "<xml/><!DOCTYPE",
  "an internal entity": '<!DOCTYPE x [<!ENTITY a "b">]><xml><a>&a;</a></xml>',
  "an external entity": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml>&a;</xml>',
  "billion laughs":
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]><xml>&c;</xml>',
  "an entity declaration in the root": '<xml><!ENTITY a "b"></xml>',
  "another markup declaration": "<xml><!ELEMENT a></xml>",
  "a processing instruction": "<xml><?php echo 1 ?></xml>",
  "a processing instruction before the root": '<?xml-stylesheet href="a"?><xml/>',
  "a second XML declaration": '<?xml version="1.0"?><?xml version="1.0"?><xml/>',
  "an XML declaration after the root": '<xml/><?xml version="1.0"?>',
  "an XML declaration inside the root": '<xml><?xml version="1.0"?></xml>',
  "an undeclared entity": "<xml><a>&nbsp;</a></xml>",
  "an entity named like an object's property": "<xml><a>&constructor;</a></xml>",
  "a reference to a character that XML forbids": "<xml><a>&#0;</a></xml>",
  "a reference to half a character": "<xml><a>&#xD83D;</a></xml>",
  "junk after the root": "<xml/>junk",
  "an entity after the root": "<xml/>&amp;",
  "CDATA after the root": "<xml/><![CDATA[x]]>",
  "CDATA before the root": "<![CDATA[x]]><xml/>",
  "a second root": "<xml><a>1</a></xml><xml><a>2</a></xml>",
  "a root of another name": "<message><a>1</a></message>",
  "a root in another case": "<XML/>",
  "text in the root": "<xml>text</xml>",
  "text beside elements": "<xml><a>1</a>text</xml>",
  "text beside elements further inside": "<xml><a>1<b>2</b></a></xml>",
  "CDATA beside elements": "<xml><a><![CDATA[ ]]><b/></a></xml>",
  "an element named __proto__": "<xml><__proto__>1</__proto__></xml>",
  "an element named constructor": "<xml><constructor>1</constructor></xml>",
  "an element named _": "<xml><_>1</_></xml>",
  "9 levels": `${"<xml>".repeat(1)}${"<a>".repeat(8)}${"</a>".repeat(8)}</xml>`,
  "20 000 levels": `<xml>${"<a>".repeat(20_000)}${"</a>".repeat(20_000)}</xml>`,
  "2001 elements": `<xml>${"<a/>".repeat(2000)}</xml>`,
  "an element that is not closed": "<xml><a>1</xml>",
  "a root that is not closed": "<xml><a>1</a>",
  "CDATA that is not closed": "<xml><a><![CDATA[1</a></xml>",
  "a comment that is not closed": "<xml><!-- </xml>",
  nothing: "",
  "white space": " \n ",
  "no XML": "hello",
  JSON: '{"encrypt":"x"}',
};

describe("parseXml", () => {
  it.each(Object.entries(refused))("refuses %s", (_name, text) => {
    expect(() => parseXml(text)).toThrow(XmlError);
  });

  it("reads text, CDATA, comments, references and an XML declaration", () => {
    const element = parseXml(
      '<?xml version="1.0" encoding="UTF-8"?>\n<xml><!-- <a>0</a> -->' +
        "<a>&lt;&#20320;&#x597d;&amp;</a><b><![CDATA[<!DOCTYPE x> & ]]></b>\n</xml>\n",
    );
    expect(plain(element)).toEqual({ a: ["<你好&"], b: ["<!DOCTYPE x> & "] });
  });

  it("keeps values as they are: no numbers, nothing trimmed", () => {
    const element = parseXml(
      "<xml><a>007</a><b>1e5</b><c>  x </c><d>12345678901234567890</d></xml>",
    );
    expect(plain(element)).toEqual({
      a: ["007"],
      b: ["1e5"],
      c: ["  x "],
      d: ["12345678901234567890"],
    });
  });

  it("keeps white space that is all of a text, and a NUL in one", () => {
    const element = parseXml("<xml><a>  </a><b><![CDATA[\n]]></b><c>a\u0000b</c></xml>");
    expect(plain(element)).toEqual({ a: ["  "], b: ["\n"], c: ["a\u0000b"] });
  });

  it("keeps every element of one name, in order, and elements in elements", () => {
    const element = parseXml("<xml><a><b>1</b><b>2</b></a><a/><cdata>3</cdata></xml>");
    expect(plain(element)).toEqual({ a: [{ b: ["1", "2"] }, ""], cdata: ["3"] });
  });

  it("reads 8 levels and 2000 elements", () => {
    expect(() => parseXml(`<xml>${"<a>".repeat(7)}${"</a>".repeat(7)}</xml>`)).not.toThrow();
    expect(() => parseXml(`<xml>${"<a/>".repeat(1999)}</xml>`)).not.toThrow();
  });

  it("reads more than 512 references in one text", () => {
    const element = parseXml(`<xml><a>${"&lt;".repeat(2000)}</a></xml>`);
    expect(textOf(element, "a")).toBe("<".repeat(2000));
  });

  it("reads a megabyte in well under a second", () => {
    const text = "x".repeat(1024 * 1024);
    const spentMs = processorMs(() => {
      expect(textOf(parseXml(`<xml><a>${text}</a></xml>`), "a")).toBe(text);
    });
    expect(spentMs).toBeLessThan(1000);
  });

  it("gives back any text that was put into CDATA", () => {
    const text = fc.string({ unit: "grapheme" });
    const mark = fc.constantFrom("]]>", "<![CDATA[", "]", "&amp;", "<xml>", "-->");
    const mixed = fc.array(fc.oneof(text, mark)).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(mixed, (content) => {
        const element = parseXml(`<xml><a><![CDATA[${escapeCdata(content)}]]></a></xml>`);
        expect(textOf(element, "a")).toBe(content);
      }),
    );
  });

  it("refuses or reads hostile input, but never throws anything else", () => {
    const piece = fc.constantFrom(
      ..."<xml> </xml> <a> </a> <a/> <b x='1'> <![CDATA[ ]]> <!-- --> <!DOCTYPE <? ?> & &amp; ]]> > < x".split(
        " ",
      ),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 20 }), (pieces) => {
        try {
          expect(parseXml(pieces.join(""))).toBeInstanceOf(Map);
        } catch (error) {
          expect(error).toBeInstanceOf(XmlError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("never lets anything stand around a root that it reads", () => {
    const junk = fc.oneof(
      fc.string({ minLength: 1 }).filter((text) => !/^[ \t\r\n\ufeff]*$/.test(text)),
      fc.constantFrom("<xml/>", "<![CDATA[]]>", "<!DOCTYPE xml>", "<?a?>", "</xml>"),
    );
    fc.assert(
      fc.property(
        junk.filter((text) => !text.includes("<!--")),
        fc.boolean(),
        (text, isAfter) => {
          const root = "<xml><a>1</a></xml>";
          expect(() => parseXml(isAfter ? root + text : text + root)).toThrow(XmlError);
        },
      ),
    );
  });
});

describe("textOf", () => {
  it("is undefined for what is not there", () => {
    expect(textOf(parseXml("<xml/>"), "a")).toBeUndefined();
  });

  it("refuses to choose between two", () => {
    expect(() => textOf(parseXml("<xml><a>1</a><a>1</a></xml>"), "a")).toThrow(XmlError);
  });

  it("refuses an element where text belongs", () => {
    expect(() => textOf(parseXml("<xml><a><b>1</b></a></xml>"), "a")).toThrow(XmlError);
  });
});
