import { sveltekit } from "@sveltejs/kit/vite";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [tailwindcss(), sveltekit()],
  // the policy forbids data: fonts, which small files would become
  build: { assetsInlineLimit: 0 },
  // `make up` listens here; the page and the api have one origin, as they have in the build
  server: { proxy: { "/api": { target: "http://127.0.0.1:8080", changeOrigin: false } } },
  // jsdom is a browser: without this, vitest would take Svelte's server side
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
  test: { environment: "jsdom", include: ["src/**/*.test.ts"], expect: { requireAssertions: true } },
});
