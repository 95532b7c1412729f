"""The tutorial, done as it is printed on a copy of the tree: files written, commands run, answers compared."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "tutorial" / "add-a-feature.md"
BLOCK = re.compile(r"(?:^`(?P<file>[\w/.-]+)`\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NEW = {
    "domain/supplier.py",
    "readmodels/suppliers.py",
    "schema/suppliers.py",
    "tests/domain/test_supplier.py",
    "tests/readmodels/test_suppliers.py",
    "watch.py",
}


class Block(NamedTuple):
    kind: str
    text: str
    file: str | None


BLOCKS = [Block(found["kind"], found["text"], found["file"]) for found in BLOCK.finditer(PAGE.read_text())]


class Reader:
    """Does what the page says, block by block, in a folder of its own."""

    def __init__(self, tree: Path, stack: ExitStack) -> None:
        self._tree = tree
        self._stack = stack
        self._port = 0
        self._running: list[subprocess.Popen[str]] = []
        self._watcher: subprocess.Popen[str] | None = None
        self._answer: Any = None

    def do(self, block: Block) -> None:
        match block.kind:
            case "python":
                path = self._tree / str(block.file)
                assert not path.exists(), f"{block.file} is there already"
                path.write_text(block.text)
            case "diff":
                self._stop()
                subprocess.run(["git", "apply", "-"], input=block.text, text=True, cwd=self._tree, check=True)
            case "sh":
                for words in _commands(block.text):
                    self._run(words)
            case "json":
                # What each operation cost is left out, as the tutorial says.
                shown = {key: value for key, value in self._answer.items() if key != "extensions"}
                assert shown == json.loads(block.text)
            case "jsonl":
                assert json.loads(self._watched()) == json.loads(block.text)
            case other:
                pytest.fail(f"nobody runs a block of {other}")

    def _run(self, words: list[str]) -> None:
        if words[0] == "curl":
            self._answer = self._post(words[-1])
        elif words == ["python", "server.py", "serve"]:
            self._port = self._serve(words)
        else:
            done = subprocess.run(_python(words), cwd=self._tree, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr

    def _start(self, words: list[str]) -> subprocess.Popen[str]:
        environment = {"PORT": "0", "PATH": "/usr/bin:/bin"}
        process = subprocess.Popen(_python(words), cwd=self._tree, env=environment, stdout=subprocess.PIPE, text=True)
        self._stack.callback(_end, process)
        self._running.append(process)
        return process

    def _serve(self, words: list[str]) -> int:
        for line in _lines(self._start(words)):
            if ready := re.search(r"ready at http://127\.0\.0\.1:(\d+)", line):
                return int(ready[1])
        raise AssertionError("the server did not start")

    def _post(self, body: str) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        connection.request("POST", "/graphql", body, {"content-type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def _watched(self) -> str:
        if self._watcher is None:
            self._watcher = self._start(["python", "watch.py", f"ws://127.0.0.1:{self._port}/graphql"])
        return next(_lines(self._watcher))

    def _stop(self) -> None:
        for process in reversed(self._running):
            _end(process)
        self._running.clear()


def _commands(text: str) -> Iterator[list[str]]:
    """The commands of a block; one that ends inside quotes goes on in the next line."""
    waiting = ""
    for line in text.splitlines():
        waiting += line + "\n"
        try:
            words = shlex.split(waiting)
        except ValueError:
            continue
        waiting = ""
        yield words


def _python(words: list[str]) -> list[str]:
    return [sys.executable, *words[1:]]


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return iter(process.stdout.readline, "")


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate(timeout=10)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what belongs to the project."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_tutorial_works_as_printed(tree: Path) -> None:
    assert {block.file for block in BLOCKS if block.kind == "python"} == NEW
    with ExitStack() as stack:
        reader = Reader(tree, stack)
        for block in BLOCKS:
            reader.do(block)
    schema = (tree / "docs" / "reference" / "schema.graphql").read_text()
    for field in ("registerSupplier(", "moveSupplier(", "suppliers(", "supplier(", "country: String!"):
        assert field in schema
