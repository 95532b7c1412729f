"""The pages of the server, as an HTTP client sees them: what is there, what may be kept, what a page may load."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli import accounts
from tests.running import Shop, opened

pytestmark = pytest.mark.one_world("it is about the files of the desk")

PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = "console.log('made');" * 100
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def build(folder: Path) -> None:
    """Put something like a build of the desk where the shop of a folder looks for it."""
    (folder / "desk" / "assets").mkdir(parents=True)
    for name, text in {
        "index.html": "<title>Desk</title>",
        "graphiql.html": "<title>GraphiQL</title>",
        "icon.svg": "<svg/>",
        "assets/desk-1.js": SCRIPT,
        "assets/desk-1.css": "a{}",
        "assets/codicon.ttf": "font",
    }.items():
        (folder / "desk" / name).write_text(text)
    (folder / "desk" / "assets" / "desk-1.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))


@asynccontextmanager
async def served(folder: Path, *, is_demo: bool = False) -> AsyncIterator[Shop]:
    build(folder)
    async with opened(folder, is_demo=is_demo) as shop:
        yield shop


@pytest.mark.parametrize("path", ["/", "/orders", "/orders/1a.b", "/console/events/17", "/nowhere", "/index.html"])
async def test_the_desk_is_at_every_path_that_a_person_can_open(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as shop:
        answer = await shop.http.get(path, headers=PAGE)
        assert (answer.status_code, answer.text) == (200, "<title>Desk</title>")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_who_asks_for_no_page_gets_none_where_there_is_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as shop:
        assert (await shop.http.get("/")).text == "<title>Desk</title>"
        assert (await shop.http.get("/orders")).status_code == 404
        assert (await shop.http.get("/none.svg", headers={"accept": "image/*"})).status_code == 404


@pytest.mark.parametrize("name", ["desk-2.js", "", "%2e%2e", "%2e%2e/index.html", "..%2findex.html", "%00"])
async def test_an_asset_that_is_not_there_is_not_found_even_for_who_would_take_a_page(
    tmp_path: Path, name: str
) -> None:
    async with served(tmp_path) as shop:
        answer = await shop.http.get(f"/assets/{name}", headers=PAGE)
        assert (answer.status_code, answer.text) == (404, "Not Found\n")


@pytest.mark.parametrize(
    "path", ["..%2ftoken.key", "%2e%2e/token.key", "..%5ctoken.key", "assets/%2e%2e/%2e%2e/token.key"]
)
async def test_nothing_outside_the_build_is_served(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as shop:
        assert (tmp_path / "token.key").exists()
        assert (await shop.http.get(f"/{path}")).status_code == 404


async def test_a_page_says_what_it_may_load_and_is_asked_for_anew(tmp_path: Path) -> None:
    async with served(tmp_path) as shop:
        answer = await shop.http.get("/")
        assert answer.headers["content-security-policy"] == STRICT
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in answer.headers["permissions-policy"]
        assert answer.headers["cache-control"] == "no-cache"
        known = {"if-none-match": answer.headers["etag"]}
        again = await shop.http.get("/", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == answer.headers["etag"]
        (tmp_path / "desk" / "index.html").write_text("<title>Newer</title>")
        assert (await shop.http.get("/", headers=known)).text == "<title>Newer</title>"


async def test_graphiql_may_also_make_styles(tmp_path: Path) -> None:
    async with served(tmp_path) as shop:
        answer = await shop.http.get("/graphiql")
        assert answer.text == "<title>GraphiQL</title>"
        loose = STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
        assert answer.headers["content-security-policy"] == loose


async def test_an_asset_is_kept_for_ever_and_a_file_beside_the_page_is_not(tmp_path: Path) -> None:
    async with served(tmp_path) as shop:
        for name, kind in {
            "desk-1.js": "text/javascript; charset=utf-8",
            "desk-1.css": "text/css; charset=utf-8",
            "codicon.ttf": "font/ttf",
        }.items():
            answer = await shop.http.get(f"/assets/{name}")
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-type"] == kind
            assert answer.headers["x-content-type-options"] == "nosniff"
        icon = await shop.http.get("/icon.svg")
        assert (icon.text, icon.headers["cache-control"]) == ("<svg/>", "no-cache")
        assert icon.headers["content-type"] == "image/svg+xml"


OFFERS = {
    "gzip": True,
    "br, gzip;q=0.5": True,
    "GZIP": True,
    "gzip;q=1.0, identity": True,
    "identity": False,
    "gzip;q=0": False,
    "gzip; q=0.0, br": False,
    "": False,
}


@pytest.mark.parametrize("offer", OFFERS)
async def test_what_lies_compressed_is_sent_so_to_who_can_read_it(tmp_path: Path, offer: str) -> None:
    async with served(tmp_path) as shop:
        answer = await shop.http.get("/assets/desk-1.js", headers={"accept-encoding": offer})
        assert answer.text == SCRIPT
        assert ("content-encoding" in answer.headers) is OFFERS[offer]
        assert (int(answer.headers["content-length"]) < len(SCRIPT)) is OFFERS[offer]
        assert answer.headers["vary"] == "Accept-Encoding"
        plain = await shop.http.get("/assets/desk-1.css", headers={"accept-encoding": offer})
        assert (plain.text, plain.headers.get("content-encoding")) == ("a{}", None)


async def test_the_two_forms_of_a_file_are_told_apart(tmp_path: Path) -> None:
    async with served(tmp_path) as shop:
        tags = {
            (await shop.http.get("/assets/desk-1.js", headers={"accept-encoding": offer})).headers["etag"]
            for offer in ("gzip", "identity")
        }
        assert len(tags) == 2


@pytest.mark.parametrize("path", ["/", "/graphiql", "/assets/desk-1.js", "/icon.svg", "/desk.json"])
async def test_a_page_can_be_asked_about_and_not_sent_to(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as shop:
        whole, head = await shop.http.get(path), await shop.http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        del whole.headers["date"], head.headers["date"]
        assert head.headers == whole.headers
        for method in ("POST", "PUT", "DELETE"):
            refused = await shop.http.request(method, path)
            assert refused.status_code == 405
            assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_the_api_and_health_are_as_without_the_desk(tmp_path: Path) -> None:
    async with served(tmp_path) as shop:
        assert await shop.data("{ __typename }") == "Query"
        assert (await shop.http.get("/graphql?query={__typename}", headers=PAGE)).json()["data"][
            "__typename"
        ] == "Query"
        assert (await shop.http.get("/health/live", headers=PAGE)).json() == {"status": "ok"}


async def test_the_desk_of_a_shop_of_ones_own_is_told_of_no_account(tmp_path: Path) -> None:
    async with served(tmp_path) as shop:
        answer = await shop.http.get("/desk.json")
        assert answer.json() == {"product": "Dispensary", "demo": None}
        assert answer.headers["cache-control"] == "no-store"


async def test_the_desk_of_the_demo_is_told_of_an_account_for_each_role(tmp_path: Path) -> None:
    async with served(tmp_path, is_demo=True) as shop:
        assert (await shop.http.get("/desk.json")).json() == {
            "product": "Dispensary",
            "demo": {
                "password": accounts.PASSWORD,
                "accounts": [
                    {"email": "ada@example.org", "name": "Ada Quill", "role": "ADMIN"},
                    {"email": "ben@example.org", "name": "Ben Mortar", "role": "STAFF"},
                    {"email": "dora@example.org", "name": "Dora Maple", "role": "CUSTOMER"},
                ],
            },
        }


async def test_a_server_without_a_build_says_how_to_get_one_and_needs_no_new_start_for_it(shop: Shop) -> None:
    answer = await shop.http.get("/", headers=PAGE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.startswith("Dispensary\n")
    assert f"http://127.0.0.1:{shop.port}/graphql" in answer.text
    assert "make web" in answer.text
    for path in ("/orders", "/graphiql"):
        missing = await shop.http.get(path, headers=PAGE)
        assert (missing.status_code, "make web" in missing.text) == (404, True)
    assert await shop.data("{ __typename }") == "Query"
    build(shop.app.settings.key_path.parent)
    assert (await shop.http.get("/")).text == "<title>Desk</title>"


async def test_a_server_that_is_to_have_no_desk_has_none(tmp_path: Path) -> None:
    build(tmp_path)
    async with opened(tmp_path, desk=False, is_demo=True) as shop:
        answer = await shop.http.get("/", headers=PAGE)
        assert answer.text.startswith("Dispensary\n")
        assert "make web" not in answer.text
        for path in ("/orders", "/graphiql", "/assets/desk-1.js", "/desk.json", "/icon.svg"):
            assert (await shop.http.get(path, headers=PAGE)).status_code == 404, path
