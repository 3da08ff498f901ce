const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * The machine's own Debian mirror as `{ uri, signedBy }`, read from a deb822 sources file; undefined
 * when it names none. Security archives are passed over: they hold no other suite.
 * @see https://manpages.debian.org/bookworm/apt/sources.list.5.en.html
 */
export const mirrorFromSources = (text) => {
  for (const stanza of text.split(/\n\s*\n/)) {
    const field = (name) => stanza.match(new RegExp(`^${name}:[ \\t]*(\\S+)`, "im"))?.[1];
    const uri = field("URIs");
    const isBinary = /^Types:.*\bdeb\b(?!-)/im.test(stanza);
    const isOff = /^Enabled:[ \t]*(no|false|off|0)\b/im.test(stanza);
    if (uri === undefined || !isBinary || isOff || isSecurity(uri)) continue;
    return { uri, signedBy: keyring(field("Signed-By")) };
  }
  return undefined;
};

/** The same from `apt-get indextargets`, whose lines are asked for as `REPO_URI SIGNED_BY`. */
export const mirrorFromIndexTargets = (text) => {
  for (const line of text.split("\n")) {
    const [uri, signedBy] = line.trim().split(/\s+/);
    if (uri && !isSecurity(uri))
      return { uri: uri.replace(/\/$/, ""), signedBy: keyring(signedBy) };
  }
  return undefined;
};

/** A deb822 sources file that knows one suite of that mirror; apt still checks its signature. */
export const sourcesFor = ({ uri, signedBy }, suite) =>
  `Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: main\nSigned-By: ${signedBy}\n`;

const isSecurity = (uri) => /security/i.test(uri);
// A key may also be written into the file itself; then the archive's own keyring is the one to trust.
const keyring = (signedBy) => (signedBy?.startsWith("/") ? signedBy : KEYRING);
