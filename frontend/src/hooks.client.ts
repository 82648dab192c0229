import type { ClientInit, HandleClientError } from "@sveltejs/kit";

import { session } from "$lib/stores";

/** Asks who is signed in while the page itself is still on its way. */
export const init: ClientInit = () => void session.look();

/** A wrong address is no error of the page, and the page says so; anything else belongs into the console. */
export const handleError: HandleClientError = ({ error, status, message }) => {
  if (status !== 404) console.error(error);
  return { message };
};
