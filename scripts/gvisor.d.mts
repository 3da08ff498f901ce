export const OLDEST_RUNSC: number;
export const runscRelease: (text: string) => number;
