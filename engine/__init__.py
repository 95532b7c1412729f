"""Event log, dispatch, projection, live views and GraphQL transport: all that an event-sourced API needs of any domain."""
