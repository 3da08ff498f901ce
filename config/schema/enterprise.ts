import { getCiphers } from "node:tls";
import { z } from "zod";
import { parsePerson } from "../person.ts";
import { detectorActions } from "./content.ts";
import { exactText, isExact, later, text, textLike, url } from "./marks.ts";

const ssoSchema = z.strictObject({
  enabled: z.boolean().default(true).describe("Switches single sign-on on."),
  provider: z.enum(["saml", "oidc"]).optional().describe("Protocol of the identity provider."),
  metadata_url: url(["https", "http"]).optional().describe("Metadata of the identity provider."),
  attribute_mapping: z
    .record(z.string(), text())
    .optional()
    .describe("The provider's attribute by ours (email, name, department)."),
});

const permission = () =>
  textLike("`*`, `agent:chat` or `agent:*`", (value) =>
    /^(\*|[a-z][a-z0-9_-]*:(\*|[a-z][a-z0-9_-]*))$/.test(value),
  );

const isPerson = (value: string): boolean => {
  const person = parsePerson(value);
  return person !== undefined && isExact(person.workspaceId) && isExact(person.senderId);
};

const areGroupsOfPlatforms = (groups: unknown): boolean =>
  Array.isArray(groups) && groups.every((group) => parsePerson(String(group)) !== undefined);

const rbacSchema = z.strictObject({
  enabled: z.boolean().default(true).describe("False skips the role check and nothing else."),
  roles: z
    .array(
      z.strictObject({
        name: exactText().describe("Name of the role; everyone without another one is `user`."),
        permissions: z.array(permission()).describe("What the role may do; `*` = everything."),
      }),
    )
    .optional()
    .describe("The roles; absent = admin, agent_manager, user and auditor as shipped."),
  role_bindings: z
    .array(
      z.strictObject({
        role: exactText().describe("Name of a role."),
        users: z
          .array(textLike("`channel:workspace:user`, e.g. wechat_work:wwcorp:zhangsan", isPerson))
          .optional()
          .describe("People, as `channel:workspace:user`."),
        departments: z
          .array(exactText())
          .optional()
          .describe(
            "Departments, by id or by name, wherever there is one; as `channel:workspace:department` in that workspace alone.",
          ),
        groups: later(z.array(exactText()), areGroupsOfPlatforms)
          .optional()
          .describe(
            "Groups, as `channel:workspace:id`: the id of a Discord role, a Slack user group or a WeCom tag. Those of an identity provider give nobody anything yet.",
          ),
      }),
    )
    .default([])
    .describe("Who has which role."),
});

const dlpSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe("False looks for nothing, in no text and no link; the block absent = switched on."),
  detectors: detectorActions()
    .optional()
    .describe("Actions of the built-in detectors, by detector; absent = their own."),
  rules: z
    .array(
      z.strictObject({
        name: text().describe("Name of the rule, as the audit log shows it."),
        pattern: text().describe("Regular expression, RE2 syntax."),
        action: z.enum(["redact", "block"]).describe("What happens with a message that matches."),
        description: z.string().optional().describe("What the rule is for."),
      }),
    )
    .optional()
    .describe("The rules, all of which apply."),
});

const inTransitSchema = z.strictObject({
  tls_version: z
    .enum(["1.2", "1.3"])
    .default("1.3")
    .describe("Lowest TLS version of the listener."),
  cipher_suites: z
    .array(
      textLike("cipher suite that this Node knows, e.g. TLS_AES_256_GCM_SHA384", (value) =>
        getCiphers().includes(value.toLowerCase()),
      ),
    )
    .min(1)
    .optional()
    .describe("Cipher suites of the listener; absent = Node's."),
});

/** Sign-on, roles, data protection and encryption. */
export const enterpriseSchema = z
  .strictObject({
    sso: later(ssoSchema).optional().describe("Single sign-on."),
    rbac: rbacSchema.optional().describe("Roles and what they may do."),
    data_loss_prevention: dlpSchema.optional().describe("Data that must not pass."),
    encryption: z
      .strictObject({
        at_rest: z
          .strictObject({
            enabled: later(z.boolean(), (value) => value !== false)
              .default(true)
              .describe("Stored content is always encrypted; `false` does not change that."),
            algorithm: z
              .literal("AES-256-GCM")
              .optional()
              .describe("Cipher of the content columns."),
            key_management: later(z.enum(["vault", "file"]), (value) => value === "file")
              .optional()
              .describe("Who keeps the master keys; until `vault` can, it is `storage.key_file`."),
          })
          .optional()
          .describe("Encryption of stored data."),
        in_transit: inTransitSchema.prefault({}).describe("TLS of the listener."),
      })
      .prefault({})
      .describe("Encryption."),
  })
  .describe("Sign-on, roles, data protection and encryption.");
