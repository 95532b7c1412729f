"""Event log, dispatch, projection, live views and GraphQL transport: what an event-sourced API needs."""
