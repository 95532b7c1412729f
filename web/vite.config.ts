import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

const server = loadEnv("development", ".", "DESK_").DESK_SERVER ?? "http://127.0.0.1:8000";

// The server serves what comes out at / and /assets/. Two pages: the desk, and GraphiQL, which nobody pays for who does
// not open it.
export default defineConfig({
  plugins: [react()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: { input: { desk: "index.html", graphiql: "graphiql.html" } },
  },
  server: {
    proxy: { "/graphql": { target: server, ws: true }, "/desk.json": server, "/demo": server },
  },
});
