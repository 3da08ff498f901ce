import type { Region } from "./presets.ts";

/** How far a tenant's data may go, as the settings name it. */
export type Residency = "on-prem" | "domestic" | "any";

/** The regions that each allows, nearest first. */
export const RESIDENCY: Readonly<Record<Residency, readonly Region[]>> = {
  "on-prem": ["on-prem"],
  domestic: ["on-prem", "cn"],
  any: ["on-prem", "cn", "overseas"],
};
