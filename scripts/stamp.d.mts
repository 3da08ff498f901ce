export const hashOf: (root: string, paths: readonly string[], salt?: string) => string;
export const isStamped: (file: string, text: string) => boolean;
export const stamp: (file: string, text: string) => void;
