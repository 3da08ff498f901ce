import { type Draft, itemsOf } from "../draft.ts";
import type { Report } from "../report.ts";

/** With TLS 1.3 as the lowest version no suite of TLS 1.2 can ever be agreed on. */
export const checkTls = (draft: Draft, report: Report): void => {
  const inTransit = draft.enterprise?.encryption?.in_transit;
  if ((inTransit?.tls_version ?? "1.3") !== "1.3") return;
  const suites = itemsOf(inTransit?.cipher_suites);
  for (const [index, suite] of suites) {
    if (/^TLS_/i.test(suite)) continue;
    report.problem(
      ["enterprise", "encryption", "in_transit", "cipher_suites", index],
      `${suite}, a cipher suite of TLS 1.2`,
      "a cipher suite of TLS 1.3, e.g. TLS_AES_256_GCM_SHA384",
    );
  }
};
