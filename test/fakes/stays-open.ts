/**
 * Options of a stand-in's HTTP server that never hangs up on an idle connection. Node's does so after
 * five seconds, and where its process stood still for so long, also on a request that is on its way.
 */
export const STAYS_OPEN = { keepAliveTimeout: 0 } as const;
