import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import * as x509 from "@peculiar/x509";

/** A certificate authority that one slot trusts and nobody else; its key never leaves the memory. */
export interface Authority {
  readonly certificatePem: string;
  /** What the proxy shows to a client that wants to reach the host. */
  contextFor(host: string): Promise<SecureContext>;
}

const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
// A slot lives for minutes; clocks inside may be a little off.
const BEFORE_MS = 60 * 60_000;
/** Below a wildcard there are names without end, and each costs some 100 KB. */
const MAX_CONTEXTS = 64;
const AFTER_MS = 24 * 60 * 60_000;

export const createAuthority = async (): Promise<Authority> => {
  const validity = () => ({
    notBefore: new Date(Date.now() - BEFORE_MS),
    notAfter: new Date(Date.now() + AFTER_MS),
  });
  const [keys, leafKeys] = await Promise.all([generateKeys(), generateKeys()]);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=clawgate sandbox run",
    keys,
    signingAlgorithm: SIGNING,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const keyPem = x509.PemConverter.encode(
    await crypto.subtle.exportKey("pkcs8", leafKeys.privateKey),
    "PRIVATE KEY",
  );

  const certify = async (host: string): Promise<SecureContext> => {
    const leaf = await x509.X509CertificateGenerator.create({
      issuer: root.subject,
      // A common name has at most 64 characters; the names that count are the alternative ones.
      subject: "CN=clawgate sandbox host",
      publicKey: leafKeys.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: SIGNING,
      ...validity(),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }]),
        await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return createSecureContext({ key: keyPem, cert: leaf.toString("pem") });
  };

  const contexts = new Map<string, Promise<SecureContext>>();
  return {
    certificatePem: `${root.toString("pem")}\n`,
    contextFor(host) {
      const context = contexts.get(host) ?? certify(host);
      contexts.delete(host); // the last one used goes to the end
      contexts.set(host, context);
      const [oldest] = contexts.size > MAX_CONTEXTS ? contexts.keys() : [];
      if (oldest !== undefined) contexts.delete(oldest);
      return context;
    },
  };
};

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  crypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
