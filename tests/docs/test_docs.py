"""What the documentation names is there: links, files, settings, codes."""

import re
from pathlib import Path

import pytest

from cli.settings import ShopSettings
from schema.refusals import TABLE, CommandErrorCode

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"])
ERRORS = (ROOT / "docs" / "reference" / "errors.md").read_text()
CODE = "".join(path.read_text() for folder in ("engine", "schema") for path in sorted((ROOT / folder).rglob("*.py")))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FILE = re.compile(r"`([\w./-]+\.py)`")
SHOUTED = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
RAISED = re.compile(r'(?:shaped\(|located\(error, |ProtocolError\(\s*|_Rejected\(\d+, |"code": |__init__\()"([A-Z_]+)"')
CLOSED = re.compile(r"_Close\((4\d\d\d)")
SETTINGS = {name.upper() for name in ShopSettings.model_fields}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


def made_by_the_reader(page: Path) -> set[str]:
    """Files that a page has its reader write: those whose name stands above a block."""
    return set(re.findall(r"^`([\w./-]+)`\n\n```", page.read_text(), re.MULTILINE))


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


@each_page
def test_every_file_named_exists(page: Path) -> None:
    named = set(FILE.findall(page.read_text())) - made_by_the_reader(page)
    assert [name for name in sorted(named) if not _is_there(name)] == []


def _is_there(name: str) -> bool:
    """A bare name stands for a file whose folder the sentence before has named."""
    return (ROOT / name).exists() or ("/" not in name and any(ROOT.glob(f"engine/**/{name}")))


@each_page
def test_every_setting_named_exists(page: Path) -> None:
    shouted = set(SHOUTED.findall(FENCED.sub("", page.read_text())))
    assert [word for word in sorted(shouted - SETTINGS) if f'"{word}"' not in CODE] == []


def test_every_code_of_an_error_is_explained() -> None:
    codes = set(RAISED.findall(CODE)) | set(CommandErrorCode.__members__) | set(CLOSED.findall(CODE))
    assert {"INTERNAL", "STALE_READ", "PAYLOAD_TOO_LARGE", "4409"} <= codes
    assert [code for code in sorted(codes) if not re.search(rf"\b{code}\b", ERRORS)] == []


def test_every_refusal_is_explained() -> None:
    assert [kind.__name__ for kind in TABLE if kind.__name__ not in ERRORS] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/decisions/*.md")), ids=lambda path: path.name)
def test_a_decision_is_short_and_says_what_it_must(page: Path) -> None:
    text = page.read_text()
    assert len(text.splitlines()) <= 60
    parts = ("**Context.**", "**Decision.**", "**Consequences.**", "**Alternatives.**", "**Measured")
    assert [part for part in parts if part not in text] == []


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in LINK.findall(index.read_text())}
    assert [page.name for page in (ROOT / "docs").rglob("*.md") if page != index and page not in linked] == []
