/**
 * Goes on with a value: at once where it is there already, else when it comes. An async function that
 * waits for it makes two promises for each one that this makes, and one where this makes none.
 */
export const whenThere = <T, R>(
  value: T | Promise<T>,
  goOn: (value: T) => R | Promise<R>,
): R | Promise<R> => (value instanceof Promise ? value.then(goOn) : goOn(value));
