import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

import config from "./svelte.config.js";

export default ts.config(
  { ignores: ["build/", ".svelte-kit/", "src/lib/api/schema.ts"] },
  js.configs.recommended,
  ts.configs.strict,
  svelte.configs.recommended,
  prettier,
  svelte.configs.prettier,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.sharedWorker } },
    rules: {
      // the compiler does this one, and knows the types
      "no-undef": "off",
      // served from the root, always
      "svelte/no-navigation-without-resolve": "off",
      // what is watched is marked as state; the rest is not to be watched
      "svelte/prefer-svelte-reactivity": "off",
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "lib/api is the only one that fetches." },
        { name: "EventSource", message: "lib/live is the only one that streams." },
        { name: "setInterval", message: "Nothing here polls." },
      ],
    },
  },
  { files: ["src/lib/api/**", "src/lib/live/**", "tests/**"], rules: { "no-restricted-globals": "off" } },
  { files: ["*.js", "*.ts", "scripts/**", "tests/**"], languageOptions: { globals: globals.node } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts", "**/*.svelte.js"],
    languageOptions: {
      parserOptions: { parser: ts.parser, extraFileExtensions: [".svelte"], svelteConfig: config },
    },
  },
);
