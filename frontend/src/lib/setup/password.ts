import { setup } from "$lib/texts/setup";

/** What the server asks of one: length, in characters, and nothing else. */
export const LEAST = 12;
export const MOST = 256;

/** Why it cannot be taken; undefined: it can. */
export function weakness(password: string): string | undefined {
  const { length } = [...password];
  if (length < LEAST) return setup.missing(LEAST - length);
  return length > MOST ? setup.tooLong(MOST) : undefined;
}
