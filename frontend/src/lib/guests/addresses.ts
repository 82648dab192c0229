/** Where a guest is reached: pure. */
import type { GuestAddresses, GuestFigures } from "$lib/api";

const NONE: readonly string[] = [];

/** Those that it had when it was asked last, which are of no use while it does not run. */
export function addressesOf(
  seen: Pick<GuestAddresses, "addresses"> | undefined,
  now: Pick<GuestFigures, "status"> | undefined,
): readonly string[] {
  return now?.status === "stopped" ? NONE : (seen?.addresses ?? NONE);
}
