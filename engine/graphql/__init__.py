"""What every slice of a GraphQL API shares: transport, limits, mutations, connections, frames."""
