export { ask, blocked, change, follow, type Init, type Verb, type Wish } from "./commands";
export { link, type LinkState } from "./link.svelte";
export { live } from "./live.svelte";
export { Once } from "./once";
export { people } from "./people.svelte";
export { session, type SessionState } from "./session.svelte";
export {
  activity,
  applications,
  clusters,
  figures,
  findings,
  guestId,
  guests,
  nodes,
  operations,
  storages,
} from "./tables";
