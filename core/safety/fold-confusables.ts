// Characters that people mistake for Latin letters, written as "look-alikes -> letter". Capitals are
// compared with capitals, because Н looks like H while η looks like n. Compatibility forms (full
// width, mathematical, circled …) and accents are not here: normalization takes them away.
// Selected from https://www.unicode.org/Public/security/latest/confusables.txt, beside what generators
// of fancy letters use.
const LOOK_ALIKES = `
A ΑАᎪꓮᴀᗩ  B ΒВᏴꓐʙᗷⲂ  C СᏟꓚᴄϹᑕⲤ  D Ꭰꓓᴅᗪ  E ΕЕᎬꓰᴇ  F ꓝϜꜰᖴ  G Ꮐꓖɢԍ  H ΗНᎻꓧʜнᕼⲎ  I ΙІӀᏆꓲɪⲒ  J ЈᎫꓙᴊͿᒍ
K ΚКᏦꓗᴋⲔ  L ᏞꓡʟⳐᒪ  M ΜМᎷꓟᴍмᗰⲘ  N ΝꓠɴⲚᑎ  O ΟОՕꓳᴏⲞ  P ΡРᏢꓑᴘᑭ  Q ԚႳᑫ  R ᎡꓣʀᏒᖇ  S ЅՏᏚꓢꜱᔕ  T ΤТᎢꓔᴛтⲦ
U ՍꓴᴜႮᑌ  V ѴᏙꓦᴠᐯ  W ԜᎳꓪᴡᗯ  X ΧХꓫ᙭Ⲭ  Y ΥҮУꓬʏⲨ  Z ΖᏃꓜᴢᘔⲌ
a аαɑ  b вЬƄɓβ  c сϲⲥƈ  d ԁɗժɖ  e еεҽєⲉ  f ƒքғʄ  g ɡցɠ  h һհɦⲏ  i іιıɩⲓ  j јϳյʝ  k кκƙⲕ  l ӏⅼլɭɬ
m ɱⲙ  n ηռпɲŋոɳⲛ  o оοօσⲟ  p рρϱƥⲣ  q ԛգզʠ  r гᴦ  s ѕʂ  t τƭⲧ  u υսʋ  v νѵ  w ԝωաɯѡⲱ  x хχҳⲭ
y уγүỿყⲩ  z ʐᴢƶ
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
