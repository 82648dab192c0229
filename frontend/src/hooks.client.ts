import type { HandleClientError } from "@sveltejs/kit";

/** A wrong address is no error of the page, and the page says so; anything else belongs into the console. */
export const handleError: HandleClientError = ({ error, status, message }) => {
  if (status !== 404) console.error(error);
  return { message };
};
