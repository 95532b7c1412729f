"""Clients that nobody here wrote, ready to be run."""

import pytest

from tests.clients.node import Node, installed, prepared


@pytest.fixture(scope="session")
def node(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Node:
    cache = getattr(pytestconfig, "cache", None)  # which a run may do without
    packages = installed(cache.mkdir("clients") if cache else tmp_path_factory.mktemp("clients"))
    return prepared(packages, tmp_path_factory.mktemp("programs"))
