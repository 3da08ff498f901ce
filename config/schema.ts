import { z } from "zod";
import { channelsSchema } from "./schema/channels.ts";
import { enterpriseSchema } from "./schema/enterprise.ts";
import { modelsSchema } from "./schema/models.ts";
import { moderationSchema } from "./schema/moderation.ts";
import { monitoringSchema } from "./schema/monitoring.ts";
import { openshellSchema } from "./schema/openshell.ts";
import { queueSchema, serverSchema, storageSchema } from "./schema/server.ts";
import { skillsSchema } from "./schema/skills.ts";
import { multiTenantSchema } from "./schema/tenants.ts";

/** Everything that settings.json may say. Every block may be left out; unknown keys are errors. */
export const settingsSchema = z.strictObject({
  server: serverSchema.prefault({}),
  storage: storageSchema.prefault({}),
  queue: queueSchema.prefault({}),
  channels: channelsSchema.prefault({}),
  multi_tenant: multiTenantSchema.prefault({}),
  models: modelsSchema.prefault({}),
  moderation: moderationSchema.prefault({}),
  skills: skillsSchema.prefault({}),
  openshell: openshellSchema.prefault({}),
  enterprise: enterpriseSchema.prefault({}),
  monitoring: monitoringSchema.prefault({}),
});

type DeepReadonly<T> = T extends readonly (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** Settings as the gateway uses them: defaults filled in, placeholders resolved, frozen. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>;

/** Settings as a person may write them, after placeholders are resolved. */
export type SettingsInput = DeepReadonly<z.input<typeof settingsSchema>>;
