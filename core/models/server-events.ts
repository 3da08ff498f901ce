/**
 * The `data` of each server-sent event, parsed as JSON; event names, ids and comments are left out.
 * Throws SyntaxError where it is no JSON.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export async function* serverEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const text = body.pipeThrough(new TextDecoderStream());
  let rest = "";
  let data: string[] = [];
  for await (const chunk of text) {
    const lines = `${rest}${chunk}`.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      // An event ends with an empty line; one that does not was cut off and does not count.
      if (line !== "" || data.length === 0) continue;
      yield JSON.parse(data.join("\n"));
      data = [];
    }
  }
}
