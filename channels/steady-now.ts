/**
 * The time by a clock that nobody sets: the machine's own when the process began, and only forward
 * from there. For how long something lasts within this process; never for when something was.
 */
export const steadyNow = (): Date => new Date(performance.timeOrigin + performance.now());
