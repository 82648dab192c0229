import adapter from "@sveltejs/adapter-static";
import { vitePreprocess } from "@sveltejs/vite-plugin-svelte";

/** @type {import("@sveltejs/kit").Config} */
export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: ({ filename }) => (filename.includes("node_modules") ? undefined : true) },
  kit: {
    // one page for every route: the api answers any page route with it, the browser does the rest
    adapter: adapter({ fallback: "index.html", precompress: true }),
    // The api sends this policy as a header, with frame-ancestors, which a <meta> cannot carry.
    csp: {
      mode: "hash",
      directives: {
        "default-src": ["self"],
        "script-src": ["self"],
        // no style sheet from elsewhere; Svelte writes positions as attributes
        "style-src": ["self"],
        "style-src-attr": ["unsafe-inline"],
        "img-src": ["self", "data:"],
        "object-src": ["none"],
        "base-uri": ["none"],
        "form-action": ["self"],
      },
    },
  },
};
