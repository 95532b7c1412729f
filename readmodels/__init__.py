"""What the shop shows: tables folded from events, with the predicates that queries and subscriptions share. Pure."""
