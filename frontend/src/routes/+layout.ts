// Everything is drawn in the browser: the api serves one page for all routes and never renders.
export const ssr = false;
export const prerender = false;
