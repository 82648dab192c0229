import { sveltekit } from "@sveltejs/kit/vite";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [tailwindcss(), sveltekit()],
  build: {
    // the policy forbids data: fonts, which small files would become
    assetsInlineLimit: 0,
    // what surrounds every page, with all it needs, is one file: packed in many small ones it weighs a sixth more
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "shell", test: /src\/routes\/\+layout\.svelte$/ }] } },
    },
  },
  // `make up` listens here; the page and the api have one origin, as they have in the build
  server: { proxy: { "/api": { target: "http://127.0.0.1:8080", changeOrigin: false } } },
  // jsdom is a browser: without this, vitest would take Svelte's server side
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
  test: { environment: "jsdom", include: ["src/**/*.test.ts"], expect: { requireAssertions: true } },
});
