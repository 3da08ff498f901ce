/**
 * Values in groups of as many as a statement has places, by the places' names; the last value fills
 * what is left over. None for no values.
 */
export const inPlaces = <Place extends string>(
  places: readonly Place[],
  values: readonly Uint8Array[],
): readonly Readonly<Record<Place, Uint8Array>>[] => {
  const groups: Record<Place, Uint8Array>[] = [];
  for (let first = 0; first < values.length; first += places.length) {
    const group: Partial<Record<Place, Uint8Array>> = {};
    for (const [place, name] of places.entries()) {
      group[name] = values[Math.min(first + place, values.length - 1)];
    }
    groups.push(group as Record<Place, Uint8Array>);
  }
  return groups;
};
