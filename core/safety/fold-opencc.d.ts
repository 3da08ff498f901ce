// The dictionaries inside opencc-js carry no types: "from to|from to|…", words in UTF-16.
declare module "opencc-js/dict/*" {
  const entries: string;
  export default entries;
}
