// Characters that people mistake for Latin letters, written as "look-alikes -> letter". Capitals are
// compared with capitals, because Н looks like H while η looks like n. Compatibility forms (full
// width, mathematical, circled …) and accents are not here: normalization takes them away.
// Selected from https://www.unicode.org/Public/security/latest/confusables.txt
const LOOK_ALIKES = `
A ΑАᎪꓮᴀ  B ΒВᏴꓐʙ  C СᏟꓚᴄϹ  D Ꭰꓓᴅ  E ΕЕᎬꓰᴇ  F ꓝϜꜰ  G Ꮐꓖɢԍ  H ΗНᎻꓧʜн
I ΙІӀᏆꓲɪ  J ЈᎫꓙᴊͿ  K ΚКᏦꓗᴋ  L ᏞꓡʟⳐ  M ΜМᎷꓟᴍм  N ΝꓠɴⲚ  O ΟОՕꓳᴏⲞ  P ΡРᏢꓑᴘ
Q ԚႳ  R ᎡꓣʀᏒ  S ЅՏᏚꓢꜱ  T ΤТᎢꓔᴛт  U ՍꓴᴜႮ  V ѴᏙꓦᴠ  W ԜᎳꓪᴡ  X ΧХꓫ  Y ΥҮУꓬʏ  Z ΖᏃꓜᴢ
a аαɑ  b вЬƄɓ  c сϲ  d ԁɗժ  e еεҽ  f ƒք  g ɡցɠ  h һհɦ  i іιıɩ  j јϳ  k кκƙ  l ӏⅼ  m ɱ  n ηռпɲŋ
o оοօσ  p рρϱƥ  q ԛգզ  r гᴦ  s ѕʂ  t τƭ  u υսʋ  v νѵ  w ԝωաɯ  x хχ  y уγүỿ  z ʐᴢƶ
`;

// Letters whose stroke or ligature no normalization takes apart.
const TAKEN_APART = `
a ⱥ  ae æǣǽ  AE Æ  b ƀ  c ȼ  d đ  D ĐÐ  d ð  e ɇ  g ǥ  h ħ  H Ħ  i ɨ  I Ɨ  j ɉ  k ĸ  l łƚ  L Ł
o ø  O Ø  oe œ  OE Œ  r ɍ  s ſ  ss ß  SS ẞ  t ŧ  T Ŧ  u ʉ  y ɏ  Z Ƶ
`;

/** What a look-alike stands for: one or two Latin letters, capitals for capitals. */
export const confusables = (): ReadonlyMap<string, string> => {
  const letters = new Map<string, string>();
  for (const [, letter = "", alikes = ""] of (LOOK_ALIKES + TAKEN_APART).matchAll(
    /([A-Za-z]+) (\S+)/g,
  )) {
    for (const alike of alikes) letters.set(alike, letter);
  }
  return letters;
};
