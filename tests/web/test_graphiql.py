"""GraphiQL in a browser: completion, the three tabs it begins with, whom it runs them as, and links into it."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.e2e.test_process import ask
from tests.engine.graphql.test_websocket import until
from tests.web.acts import axe, overflow
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths
from tests.web.watch import Watch

TABS = ["Medicines", "ChangeMedicinePrice", "FollowMedicines"]
ME = "{ me { id email firstName lastName role } }"
CHANGE_PRICE = """mutation ($id: ID!, $price: Decimal!) {
  changeMedicinePrice(input: { medicineId: $id, price: $price }) { errors { message } }
}"""
SESSION = "dispensary.session"
"Under which name the desk keeps who is signed in."
LOADING = 20_000
"Milliseconds: the editors are four megabytes, and the machine may be busy."
NOBODY = "Not signed in. Sign in"


class Graphiql:
    """The page, by what a person sees of it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.query = page.get_by_role("region", name="Operation Editor").locator(".view-lines")
        self.variables = page.get_by_role("region", name="Variables").locator(".view-lines").first
        self.answer = page.locator(".result-window .view-lines")
        self.signed_in = page.get_by_role("banner").get_by_role("status")
        self.tabs = page.locator(".graphiql-tab-button")

    async def open(self, **parameters: str) -> None:
        await self.page.goto(f"/graphiql?{urlencode(parameters)}")
        await expect(self.query).not_to_be_empty(timeout=LOADING)

    async def choose(self, name: str) -> None:
        await self.tabs.filter(has_text=re.compile(f"^{name}$")).click()
        await expect(self.query).to_contain_text(name)

    async def at_work(self) -> None:
        """Wait for the workers, each of which begins when an editor first needs it."""

        def names() -> set[str]:
            return {re.split(r"[/.]", worker.url.partition("/assets/")[2])[0] for worker in self.page.workers}

        await until(lambda: names() == {"editor", "graphql", "json"})

    async def run(self) -> None:
        await self.page.get_by_role("button", name="Execute query").click()


@pytest_asyncio.fixture(loop_scope="session")
async def graphiql(page: Page) -> Graphiql:
    return Graphiql(page)


async def session(desk: Desk, role: str) -> dict[str, Any]:
    """What the desk keeps of somebody who is signed in."""
    async with desk.api(role) as client:
        viewer = await ask(client, ME)
        token = client.headers["Authorization"].removeprefix("Bearer ")
    return {"token": token, "expiresAt": "2100-01-01T00:00:00Z", "viewer": viewer}


async def sign_in(page: Page, session: dict[str, Any]) -> None:
    await page.evaluate("([name, value]) => localStorage.setItem(name, value)", [SESSION, json.dumps(session)])


async def sign_out(page: Page) -> None:
    await page.evaluate("name => localStorage.removeItem(name)", SESSION)


async def another_tab(page: Page) -> Page:
    """One of the same person, with the desk."""
    other = await page.context.new_page()
    await other.goto("/sign-in")
    return other


async def test_completion_offers_a_field_of_ours_which_a_worker_knows(graphiql: Graphiql) -> None:
    await graphiql.open()
    await graphiql.query.get_by_text("stockQuantity").click()
    await graphiql.page.keyboard.press("End")
    await graphiql.page.keyboard.type(" manu")
    await expect(graphiql.page.get_by_role("option", name=re.compile("manufacturer"))).to_be_visible()
    await graphiql.at_work()


async def test_the_query_runs_for_somebody_who_is_not_signed_in(graphiql: Graphiql) -> None:
    await graphiql.open()
    await expect(graphiql.tabs).to_have_text(TABS, use_inner_text=True)
    await expect(graphiql.signed_in).to_have_text(NOBODY)
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text('"stockQuantity"')


async def test_the_mutation_runs_as_whoever_is_signed_in_on_the_desk(graphiql: Graphiql, desk: Desk) -> None:
    await graphiql.open()
    await sign_in(graphiql.page, await session(desk, "STAFF"))
    await graphiql.open()
    await expect(graphiql.signed_in).to_have_text("Signed in as Ben Mortar (staff)")
    await graphiql.choose("ChangeMedicinePrice")
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text('"errors": []')
    await expect(graphiql.answer).to_contain_text('"amount": "7.20"')


async def test_the_subscription_shows_what_another_client_does(graphiql: Graphiql, desk: Desk) -> None:
    await graphiql.open()
    await graphiql.choose("FollowMedicines")
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text("SNAPSHOT")
    async with desk.api("STAFF") as staff:
        for price in ("31.41", "27.18"):
            await ask(staff, CHANGE_PRICE, id="med-paracetamol-125mg-suppository", price=price)
            await expect(graphiql.answer).to_contain_text("CHANGES")
            await expect(graphiql.answer).to_contain_text(f'"amount": "{price}"')


async def test_who_signs_in_in_another_tab_is_signed_in_here_until_they_sign_out(
    graphiql: Graphiql, desk: Desk
) -> None:
    await graphiql.open(query="subscription Mine { orders { kind } }")
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text("UNAUTHENTICATED")
    other = await another_tab(graphiql.page)
    await sign_in(other, await session(desk, "CUSTOMER"))
    await expect(graphiql.signed_in).to_contain_text("(customer)")
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text("SNAPSHOT")
    await sign_out(other)
    await expect(graphiql.signed_in).to_have_text(NOBODY)
    # It goes on as nobody, who may not see this.
    await expect(graphiql.answer).to_contain_text("UNAUTHENTICATED")


async def test_what_one_was_answered_goes_when_they_sign_out_in_another_tab(graphiql: Graphiql, desk: Desk) -> None:
    await graphiql.open()
    await sign_in(graphiql.page, await session(desk, "CUSTOMER"))
    await graphiql.open(query="{ me { email } }")
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text(desk.account("CUSTOMER").email)
    await sign_out(await another_tab(graphiql.page))
    await expect(graphiql.signed_in).to_have_text(NOBODY)
    await expect(graphiql.query).not_to_be_empty(timeout=LOADING)
    await expect(graphiql.page.get_by_text(desk.account("CUSTOMER").email)).to_have_count(0)


@pytest.mark.parametrize("document", ["{ me { email } }", "subscription { medicines { kind } }"])
async def test_without_the_server_a_sentence_says_so(graphiql: Graphiql, watch: Watch, document: str) -> None:
    watch.expect("ERR_INTERNET_DISCONNECTED")
    await graphiql.open(query=document)
    await graphiql.at_work()
    await graphiql.page.context.set_offline(True)
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text("The server cannot be reached.", timeout=60_000)
    await expect(graphiql.answer).not_to_contain_text("stack")


async def test_a_token_that_is_refused_signs_out_and_leaves_the_schema(
    graphiql: Graphiql, desk: Desk, watch: Watch
) -> None:
    watch.expect("401")
    await graphiql.open()
    await sign_in(graphiql.page, {**await session(desk, "STAFF"), "token": "not one of this server's"})
    await graphiql.open()
    await expect(graphiql.signed_in).to_contain_text("(staff)")
    await graphiql.run()
    await expect(graphiql.signed_in).to_have_text(NOBODY)
    await graphiql.page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(graphiql.page.get_by_role("link", name="Subscription", exact=True)).to_be_visible()
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text('"stockQuantity"')


async def test_a_link_opens_a_tab_once(graphiql: Graphiql) -> None:
    query = "query One($id: ID!) { medicine(id: $id) { manufacturer } }"
    await graphiql.open(query=query, variables=json.dumps({"id": "med-acetylsalicylic-acid-500mg-tablet"}))
    await expect(graphiql.tabs).to_have_text(["One", *TABS], use_inner_text=True)
    await expect(graphiql.variables).to_contain_text("acetylsalicylic")
    assert "?" not in graphiql.page.url
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text("Bayer")
    await graphiql.page.wait_for_function("() => localStorage.getItem('graphiql:tabState')")
    await graphiql.open(query="query Two { __typename }")
    await expect(graphiql.tabs).to_have_text(["One", *TABS, "Two"], use_inner_text=True)
    await expect(graphiql.query).to_contain_text("__typename")


async def test_it_follows_the_theme_that_is_chosen_in_another_tab(graphiql: Graphiql) -> None:
    await graphiql.open()
    await expect(graphiql.page.locator("body")).to_have_class(re.compile("graphiql-light"))
    other = await another_tab(graphiql.page)
    await other.evaluate("localStorage.setItem('dispensary.theme', 'dark')")
    await expect(graphiql.page.locator("body")).to_have_class(re.compile("graphiql-dark"))
    await expect(graphiql.page.locator(".monaco-editor").first).to_have_class(re.compile("vs-dark"))
    await expect(graphiql.page.locator("html")).to_have_attribute("data-theme", "dark")


@both_themes
@both_widths
async def test_it_shuts_nobody_out(graphiql: Graphiql) -> None:
    await graphiql.open()
    await graphiql.run()
    await expect(graphiql.answer).to_contain_text('"medicines"')
    assert await axe(graphiql.page) == []
    assert await overflow(graphiql.page) == 0


async def test_of_the_tabs_one_is_current_and_each_is_closed_by_a_button_of_its_own(graphiql: Graphiql) -> None:
    await graphiql.open()
    await graphiql.choose(TABS[1])
    await expect(graphiql.page.get_by_role("button", name=TABS[1])).to_have_attribute("aria-current", "true")
    await expect(graphiql.page.locator("[aria-current=true]")).to_have_count(1)
    await graphiql.page.get_by_role("button", name="Close Tab").click()
    await expect(graphiql.tabs).to_have_text([TABS[0], TABS[2]], use_inner_text=True)
    assert await axe(graphiql.page) == []


async def test_the_desk_loads_nothing_of_it(page: Page) -> None:
    assert await scripts_with_monaco(page, "/graphiql", shown=".view-lines") != []
    assert await scripts_with_monaco(page, "/", shown="h1") == []


async def scripts_with_monaco(page: Page, path: str, *, shown: str) -> list[str]:
    await page.goto(path)
    await page.locator(shown).first.wait_for(timeout=LOADING)
    loaded: list[str] = await page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    scripts = [name for name in loaded if name.endswith(".js")]
    assert scripts
    return [name for name in scripts if "monaco-editor" in await (await page.request.get(name)).text()]
