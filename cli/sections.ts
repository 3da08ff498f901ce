/** A title, and what stands under it. */
export type Section = readonly [title: string, ...lines: string[]];

/** Lines under titles, those without lines left out; what is not printable is shown as `?`. */
export const sections = (parts: readonly Section[]): string =>
  parts
    .flatMap(([title, ...lines]) =>
      lines.map(
        (line, at) => `${(at === 0 ? title : "").padEnd(18)}${line.replaceAll(/\p{C}/gu, "?")}\n`,
      ),
    )
    .join("");
