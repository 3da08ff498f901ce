/** Bytes in lower-case hex; they are not copied for it. */
export const toHex = (bytes: Uint8Array): string => {
  const view = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return view.toString("hex");
};
