export const postgresFolder: () => string | undefined;
export const redisServer: () => string | undefined;
