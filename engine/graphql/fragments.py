"""The fragments of a document."""

from graphql import DocumentNode, FragmentDefinitionNode


def fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """By name."""
    return {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
