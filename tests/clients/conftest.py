"""Clients that nobody here wrote, ready to be run."""

import pytest

from tests.clients.node import Node, installed, prepared


@pytest.fixture(scope="session")
def node(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Node:
    packages = installed(pytestconfig.cache.mkdir("clients"))
    return prepared(packages, tmp_path_factory.mktemp("programs"))
