/** Takes the next piece of a text; what of the text may be shown now, "" for nothing. */
export type TextFilter = (piece: string) => string;

/**
 * Shows of a text that grows only what a filter lets through. Each call brings the whole text so
 * far; one that does not go on from the last begins another text.
 */
export const filteredProgress = (
  show: (markdown: string) => void,
  createFilter: () => TextFilter,
): ((markdown: string) => void) => {
  let filter: TextFilter | undefined; // made with the first text: many answers are shown only whole
  let seen = "";
  let shown = "";
  return (text) => {
    if (!text.startsWith(seen)) {
      filter = undefined;
      seen = "";
      shown = "";
    }
    filter ??= createFilter();
    const released = filter(text.slice(seen.length));
    seen = text;
    if (released === "") return;
    shown += released;
    show(shown);
  };
};
