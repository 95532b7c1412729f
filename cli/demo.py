"""`server.py demo`: a live shop for a while, told in the terminal, by a client that uses the public API only."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cli import accounts
from cli.demo_sending import Person, Sender
from cli.demo_session import UNREACHABLE, Denied, Lost, Session
from cli.demo_shop import Shop
from cli.demo_story import Story
from cli.demo_views import FIELDS, Figures, Gap, View
from engine import clock, ids
from engine.faults import Unavailable
from engine.ids import Seeded

OLD_CUSTOMERS, NEW_CUSTOMERS = 4, 2
NEW_NAMES = "Abel", "Bea", "Carl", "Demi", "Ezra", "Flora", "Gil", "Hope"
PATIENCE = 30.0
"Seconds that a server which is away at the end gets to come back, and the shop to take in everything."
PAUSE = 0.25
ME = "query { me { role firstName } }"
REGISTER = """mutation ($input: RegisterUserInput!) {
  registerUser(input: $input) { receipt { position } errors { message } }
}"""
PROJECTIONS = "query { projections { name position head deadLetters } }"
COUNTED_AS_SOLD = ("VALIDATED", "PAID")
"Orders with one of these have stock set aside."


@dataclass
class Demo:
    """One run: who takes part, what is followed, and what came of it."""

    url: str
    random: Seeded
    story: Story = field(default_factory=Story)
    views: dict[str, View] = field(default_factory=dict)
    own: list[View] = field(default_factory=list)
    "What one customer follows: a second viewer, who sees less."
    figures: Figures | None = None
    failed: list[str] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    # ------------------------------------------------------------ who takes part

    def session(self, email: str, password: str) -> Session:
        return Session(self.url, email, password, self.random)

    async def opened(self, session: Session) -> Session:
        """Sign in, and keep the socket open from now on. Raises Denied, and what connecting raises."""
        if not session.is_signed_in:
            await session.sign_in()
        self._start(session.run())
        await session.connected()
        return session

    async def staff(self, email: str, password: str) -> Person:
        """Whoever keeps the shop. Raises Unavailable, with a sentence, when the demo cannot begin."""
        try:
            session = await self.opened(self.session(email, password))
            me = (await session.ask(ME))["me"]
        except Denied as denied:
            hint = "" if email != accounts.STAFF[0].email else " Start the server with --demo, or give --email."
            raise Unavailable(f"{self.url} does not let {email} in: {denied}{hint}") from None
        except (*UNREACHABLE, Lost) as error:
            raise Unavailable(f"{self.url} did not answer: {error or type(error).__name__}.") from None
        if me["role"] == "CUSTOMER":
            raise Unavailable(f"{email} is no staff at {self.url}; the demo needs somebody who is.")
        return Person(me["firstName"], session)

    async def customers(self, keeper: Session) -> Sequence[Person]:
        """Some whom the shop knows, where it has the demo's accounts, and some new ones."""
        known = self.random.sample(accounts.CUSTOMERS, OLD_CUSTOMERS)
        new = self.random.sample(NEW_NAMES, NEW_CUSTOMERS)
        found = await asyncio.gather(*(self._old(each) for each in known), *(self._new(each, keeper) for each in new))
        return [person for person in found if person]

    async def _old(self, account: accounts.Account) -> Person | None:
        try:
            return Person(account.first_name, await self.opened(self.session(account.email, accounts.PASSWORD)))
        except Denied:
            return None

    async def _new(self, name: str, keeper: Session) -> Person:
        email, password = f"{name.lower()}.{ids.new()}@example.org", ids.new()
        person = {"email": email, "firstName": name, "lastName": "Newcomer", "password": password}
        payload = await keeper.ask_until_answered(REGISTER, {"input": {"commandId": f"demo-{email}", **person}})
        if payload["registerUser"]["errors"]:
            raise Denied(payload["registerUser"]["errors"][0]["message"])
        return Person(name, await self.opened(self.session(email, password)))

    # ------------------------------------------------------------ what is followed

    async def follow(self, watcher: Session, customer: Session) -> None:
        """Follow everything, and wait until every view is whole."""
        watcher.on_lost, watcher.on_found = self.story.lost, self.story.found
        self.views = {name: View(name, watcher) for name in FIELDS}
        self.own = [View(name, customer) for name in ("orders", "notifications")]
        self.figures = Figures(watcher)
        self._start(self.figures.follow())
        for view in (*self.views.values(), *self.own):
            self._start(view.follow())
        for view in (*self.views.values(), *self.own):
            await self.guarded(view.reached(0))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def guarded(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something, unless what runs beside it fails first. Raises Gap, and Denied."""
        task = asyncio.create_task(work)
        try:
            await asyncio.wait([task, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
            for each in self._tasks:
                if each.done():
                    each.result()
                    raise Denied("The server does not let us in any more.")
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------ what came of it

    async def settled(self, watcher: Session) -> int:
        """Wait until nothing follows any more from what was done; the head of the log then."""
        seen = None
        while True:
            statuses = (await watcher.ask_until_answered(PROJECTIONS, {}))["projections"]
            positions = {status["position"] for status in statuses} | {status["head"] for status in statuses}
            is_waiting = any(row["status"] == "CREATED" for row in self.views["payments"].rows.values())
            if len(positions) == 1 and positions == seen and not is_waiting:
                return int(positions.pop())
            seen = positions
            await asyncio.sleep(PAUSE)

    async def judge(self, watcher: Session) -> None:
        """Compare every view with a query, and the shop's books with each other; tell what was found."""
        assert self.figures
        checked = [(view.name, view) for view in self.views.values()]
        checked += [(f"own {view.name}", view) for view in self.own]
        different = [f"orderStatistics of {clock.now():%H:%M}"]
        for _ in range(20):
            head = await self.settled(watcher)
            different = [name for name, view in checked if not await view.equals_query(head)]
            different += [] if await self.figures.equals_query(head) else ["orderStatistics"]
            if not different:
                break
            await asyncio.sleep(PAUSE)  # a frame may be on its way, or somebody else be using the shop
        self._told("Views equal to queries", f"{', '.join(different)} differ" if different else "")
        self._told("Money adds up", self._money())
        self._told("Stock adds up", self._stock())

    def _told(self, what: str, problem: str) -> None:
        self.story.say(f"{what}: {'no, ' + problem if problem else 'yes'}", "bold red" if problem else "bold green")
        self.failed += [what] if problem else []

    def _money(self) -> str:
        """What is wrong with it: what was paid and not given back must be the revenue."""
        assert self.figures
        kept = [each["amount"] for each in self.views["payments"].rows.values() if each["status"] == "SUCCEEDED"]
        paid = sum((Decimal(each["amount"]) for each in kept if each["currency"] == "USD"), Decimal(0))
        revenue = Decimal(self.figures.value["revenue"]["amount"])
        return "" if paid == revenue else f"{paid} was paid and kept, and the revenue is {revenue}"

    def _stock(self) -> str:
        """What is wrong with it: what is set aside must be what open orders hold."""
        promised = Counter[str]()
        for order in self.views["orders"].rows.values():
            if order["status"] in COUNTED_AS_SOLD:
                promised.update({line["medicineId"]: line["quantity"] for line in order["lines"]})
        wrong = [
            row["medicineName"]
            for row in self.views["inventory"].rows.values()
            if row["reservedQuantity"] != promised[row["medicineId"]]
            or row["availableQuantity"] + row["reservedQuantity"] != row["totalQuantity"]
        ]
        return f"{', '.join(wrong)} do not" if wrong else ""

    def sum_up(self, seconds: float, first: int, last: int) -> None:
        """Tell what it all came to."""
        assert self.figures
        story, views = self.story, (*self.views.values(), *self.own)
        value = self.figures.value
        statuses = ", ".join(f"{each['count']} {each['status'].lower()}" for each in value["ordersByStatus"])
        story.say(f"\n{seconds:.0f} s: {story.commands} commands ({story.refused} refused), {last - first} events")
        story.say(f"Orders: {statuses}; revenue {value['revenue']['amount']} {value['revenue']['currency']}")
        story.latencies()
        resumes, anew = sum(view.resumes for view in views), sum(view.restarts for view in views)
        story.say(
            f"Lost connections: {story.losses}; {resumes} resumes by position, {anew} views begun anew; "
            f"{story.repeated} commands sent again, {story.replayed} of them had been stored"
        )


@asynccontextmanager
async def running(url: str, seed: int) -> AsyncIterator[Demo]:
    demo = Demo(url, ids.seeded(seed))
    try:
        yield demo
    finally:
        await demo.close()


async def demonstrate(url: str, minutes: float, rate: float, seed: int, email: str, password: str) -> int:
    """Drive a live shop. 0 when everything added up, 1 when not. Raises Unavailable when it cannot begin."""
    async with running(url, seed) as demo:
        staff = await demo.staff(email, password)
        watcher = await demo.opened(staff.session.beside())
        try:
            async with asyncio.timeout(PATIENCE):
                customers = await demo.customers(watcher)
                await demo.follow(watcher, customers[0].session)
        except (*UNREACHABLE, Denied, Lost) as error:
            raise Unavailable(f"{url} went away before the demo began: {error or type(error).__name__}.") from None
        sender = Sender(watcher, demo.views, demo.story)
        shop = Shop(staff, customers, demo.views, sender, demo.random, rate)
        demo.views["orders"].on_row = shop.note
        for row in demo.views["orders"].rows.values():
            shop.note(row)
        people = ", ".join(person.name for person in customers)
        demo.story.say(f"{staff.name} keeps the shop at {url}; {people} come to buy. Ctrl-C ends it.\n", "bold")
        try:
            async with asyncio.timeout(PATIENCE):
                began, first = clock.monotonic(), await demo.settled(watcher)
        except TimeoutError:
            raise Unavailable(f"{url} has payments that nobody answers; see its dead letters.") from None
        try:
            with suppress(asyncio.CancelledError):
                async with asyncio.timeout(60 * minutes + PATIENCE):
                    await demo.guarded(shop.live(60 * minutes))
            if task := asyncio.current_task():
                task.uncancel()  # Ctrl-C ends the shop's day, not the summary
            async with asyncio.timeout(PATIENCE):
                await demo.guarded(shop.ended())
                await demo.guarded(demo.judge(watcher))
                demo.sum_up(clock.monotonic() - began, first, await demo.settled(watcher))
        except (Gap, Denied) as error:
            demo.failed.append(str(error))
            demo.story.say(str(error), "bold red")
        except TimeoutError:
            demo.failed.append("time")
            demo.story.say(f"The server did not answer for {PATIENCE:g} s.", "bold red")
    return 1 if demo.failed else 0
