import { describe, expect, it } from "vitest";
import {
  mirrorFromIndexTargets,
  mirrorFromSources,
  sourcesFor,
} from "../../scripts/debian-sources.mjs";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

describe("the machine's mirror", () => {
  it("is the first archive of debian.sources that is on, holds packages and is not the security one", () => {
    const text = `# comment
Types: deb
URIs: http://security.debian.org/debian-security
Suites: bookworm-security
Signed-By: ${KEYRING}

Types: deb-src
URIs: http://source.example/debian

Types: deb
Enabled: no
URIs: http://off.example/debian

Types: deb deb-src
# http://snapshot.example
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/own.gpg
`;
    expect(mirrorFromSources(text)).toEqual({
      uri: "http://mirror.example/debian",
      signedBy: "/usr/share/keyrings/own.gpg",
    });
  });

  it("is trusted by the archive's keyring where the file carries a key or none", () => {
    const inline = "Types: deb\nURIs: http://m/debian\nSigned-By:\n -----BEGIN PGP-----\n x\n";
    expect(mirrorFromSources(inline)?.signedBy).toBe(KEYRING);
    expect(mirrorFromSources("Types: deb\nURIs: http://m/debian\n")?.signedBy).toBe(KEYRING);
  });

  it("is not made up where there is none", () => {
    expect(mirrorFromSources("")).toBeUndefined();
    expect(mirrorFromIndexTargets("")).toBeUndefined();
  });

  it("is read from apt itself where there is no debian.sources", () => {
    const text = `http://deb.debian.org/debian-security/ ${KEYRING}\nhttp://deb.debian.org/debian/ \n`;
    expect(mirrorFromIndexTargets(text)).toEqual({
      uri: "http://deb.debian.org/debian",
      signedBy: KEYRING,
    });
  });

  it("is asked for one suite, signatures checked", () => {
    expect(sourcesFor({ uri: "http://m/debian", signedBy: KEYRING }, "trixie")).toBe(
      `Types: deb\nURIs: http://m/debian\nSuites: trixie\nComponents: main\nSigned-By: ${KEYRING}\n`,
    );
  });
});
