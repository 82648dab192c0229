import { people, session } from "$lib/stores";
import { activityTexts } from "$lib/texts/activity";

/** Who it was, as a person knows them. `type` and `id` as the log has them: a user, or a part of Proximity. */
export function actorName(type: string, id: string): string {
  if (type !== "user") return activityTexts.proximity;
  return id === session.me?.id ? session.me.username : (people.name(id) ?? activityTexts.someone);
}

/** Of an operation's `type:id`. */
export function actorOf(actor: string): string {
  const [type = "", ...id] = actor.split(":");
  return actorName(type, id.join(":"));
}
