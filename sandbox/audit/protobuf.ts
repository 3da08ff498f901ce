/** One field of a protobuf message; fixed-width fields are skipped, we need none. */
export type Field =
  | { readonly number: number; readonly bytes: Buffer }
  | {
      readonly number: number;
      /** The lower and the upper half of a 64-bit number: a double would lose the lowest bits. */
      readonly low: number;
      readonly high: number;
    };

/**
 * The fields of a message in their order. Returns undefined for what is not a whole message; never
 * throws, whatever the bytes are. @see https://protobuf.dev/programming-guides/encoding/
 */
export const fieldsOf = (message: Buffer): readonly Field[] | undefined => {
  const fields: Field[] = [];
  const cursor = { message, at: 0, low: 0, high: 0 };
  while (cursor.at < message.length) {
    if (!readVarint(cursor)) return undefined;
    const number = cursor.low >>> 3;
    switch (cursor.low & 7) {
      case 0:
        if (!readVarint(cursor)) return undefined;
        fields.push({ number, low: cursor.low, high: cursor.high });
        break;
      case 2: {
        if (!readVarint(cursor) || cursor.high !== 0) return undefined;
        const end = cursor.at + cursor.low;
        if (end > message.length) return undefined;
        fields.push({ number, bytes: message.subarray(cursor.at, end) });
        cursor.at = end;
        break;
      }
      case 1:
        cursor.at += 8;
        break;
      case 5:
        cursor.at += 4;
        break;
      default:
        return undefined;
    }
  }
  return cursor.at === message.length ? fields : undefined;
};

interface Cursor {
  readonly message: Buffer;
  at: number;
  low: number;
  high: number;
}

/** Ten bytes at most, seven bits each, the lowest first. */
const readVarint = (cursor: Cursor): boolean => {
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = cursor.message[cursor.at++];
    if (byte === undefined) return false;
    const bits = byte & 0x7f;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (shift - 32);
    if (byte < 0x80) {
      cursor.low = low >>> 0;
      cursor.high = high >>> 0;
      return true;
    }
  }
  return false;
};
