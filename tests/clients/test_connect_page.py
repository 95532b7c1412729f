"""The page on connecting clients: each program on it, run as it is printed."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.clients.node import Node
from tests.running import Shop

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "how-to" / "connect-the-client-you-have.md"
PROGRAMS = dict(re.findall(r"^`([\w.-]+)`\n\n```\w+\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_program_of_the_page_writes_a_record_and_is_told_of_it(shop: Shop, node: Node, name: str) -> None:
    path = node.folder / name
    path.write_text(PROGRAMS[name])
    program = sys.executable if path.suffix == ".py" else node.program
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        program, str(path), f"127.0.0.1:{shop.port}", str(shop.token), stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(30):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert (out.decode(), process.returncode) == ("hello\n", 0), err.decode()


def test_the_page_has_a_program_for_each_client() -> None:
    assert list(PROGRAMS) == ["graphql-ws.mjs", "apollo-client.mjs", "urql-core.mjs", "follow_with_gql.py"]
