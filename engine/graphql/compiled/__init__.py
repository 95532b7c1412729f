"""Operations compiled to plans, which answer the plain cases without a walk through graphql-core.

A plan gives what the ordinary way gives, or gives up: before anything ran, or afterwards with what resolvers came to,
so that the ordinary way finds their outcomes and runs none of them a second time.
"""
