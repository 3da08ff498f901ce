export interface Mirror {
  readonly uri: string;
  readonly signedBy: string;
}
export const mirrorFromSources: (text: string) => Mirror | undefined;
export const mirrorFromIndexTargets: (text: string) => Mirror | undefined;
export const sourcesFor: (mirror: Mirror, suite: string) => string;
