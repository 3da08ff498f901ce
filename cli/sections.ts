/** Lines under titles, those without lines left out; what is not printable is shown as `?`. */
export const sections = (parts: readonly (readonly [string, ...string[]])[]): string =>
  parts
    .flatMap(([title, ...lines]) =>
      lines.map(
        (line, at) => `${(at === 0 ? title : "").padEnd(18)}${line.replaceAll(/\p{C}/gu, "?")}\n`,
      ),
    )
    .join("");
