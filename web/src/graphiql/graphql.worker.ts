// A file of ours, so that the dev server prepares what the worker imports, some of which is CommonJS.
import "monaco-graphql/esm/graphql.worker.js";
