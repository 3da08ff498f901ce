/** The adapter's name, and the key under `channels` in the settings. */
export const CHANNEL = "slack";

// Team T…, org E…, person U… or W…, room C…, D… or G…; no more is promised than letters and digits.
const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Whether `value` can be an id of Slack's: it goes into keys and addresses. */
export const isSlackId = (value: string | undefined): value is string =>
  value !== undefined && ID.test(value);

// Seconds and a counter; never to be read as a number, which would round it.
const TS = /^[0-9]{1,16}\.[0-9]{1,16}$/;

/** Whether `value` can be the time stamp that names a message within its room. */
export const isTs = (value: string | undefined): value is string =>
  value !== undefined && TS.test(value);

/** When a message was written. */
export const dateOfTs = (ts: string): Date => new Date(Math.round(Number(ts) * 1000));
