"""Users through the API: registering, signing in, and what is changed about an account."""

import asyncio
from pathlib import Path
from typing import Any

from domain.contact import same_email
from readmodels.users import USERS
from tests.running import PASSWORD, Client, Shop, View, opened
from tests.schema.ordering import lines, paid, stocked

FIELDS = """id version position email firstName lastName phone address role status createdAt updatedAt lastLoginAt
orderCount totalSpent { amount currency }"""
USER = f"user {{ {FIELDS} }}"
ONE = f"query($id: ID!, $atLeast: Position) {{ user(id: $id, atLeast: $atLeast) {{ {FIELDS} }} }}"
LIST = """query($filter: UserFilter, $first: Int, $after: String, $atLeast: Position) { users(filter: $filter,
  first: $first, after: $after, atLeast: $atLeast) { nodes { id } pageInfo { hasNextPage endCursor } } }"""
ME = "query { me { id email role } }"
LOG_IN = """mutation($email: String!, $password: String!) { logIn(input: {email: $email, password: $password}) {
  receipt { stream } errors { __typename code message path ... on NotAllowedNow { state } } token expiresAt
  user { id lastLoginAt orders { nodes { id } } orderSummary { totalOrders } } } }"""
ANN = {"id": "ann", "email": "Ann@Example.org", "firstName": "Ann", "lastName": "Lee", "password": PASSWORD}
WRONG = {
    "__typename": "InvalidInput",
    "code": "INVALID",
    "message": "Email address and password do not belong together.",
    "path": ["password"],
}
NOBODY = {"amount": "0.00", "currency": "USD"}


async def signed_in(shop: Shop, email: str = "ann@example.org", password: str = PASSWORD) -> Client:
    """A client with the token that a sign-in gave."""
    payload = await (await shop.viewer(None)).data(LOG_IN, email=email, password=password)
    assert payload["errors"] == []
    return await shop.client(payload["token"], payload["user"]["id"])


async def refused_sign_in(shop: Shop, email: str, password: str) -> list[dict[str, Any]]:
    """Why a sign-in was refused, which must have stored nothing."""
    before = shop.app.log.position
    payload = await (await shop.viewer(None)).data(LOG_IN, email=email, password=password)
    assert {key: payload[key] for key in ("receipt", "token", "expiresAt", "user")} == dict.fromkeys(
        ("receipt", "token", "expiresAt", "user")
    )
    assert shop.app.log.position == before
    errors: list[dict[str, Any]] = payload["errors"]
    return errors


# ---------------------------------------------------------------- registering


async def test_anyone_registers_as_a_customer_and_signs_in(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    payload = await nobody.send("registerUser", USER, **ANN, commandId="c1")
    at = payload["receipt"]["acceptedAt"]
    user = {
        "id": "ann",
        "version": 1,
        "position": "1",
        "email": "Ann@Example.org",
        "firstName": "Ann",
        "lastName": "Lee",
        "phone": None,
        "address": None,
        "role": "CUSTOMER",
        "status": "ACTIVE",
        "createdAt": at,
        "updatedAt": at,
        "lastLoginAt": None,
        "orderCount": 0,
        "totalSpent": NOBODY,
    }
    assert payload["user"] == user
    assert await nobody.data(ME) is None
    signed = await nobody.data(LOG_IN, email="ANN@example.ORG", password=PASSWORD)
    assert (signed["errors"], signed["receipt"]) == ([], {"stream": "user-ann"})
    assert signed["user"]["lastLoginAt"] > at
    assert signed["user"]["orders"] == {"nodes": []}
    assert signed["user"]["orderSummary"] == {"totalOrders": 0}
    ann = await shop.client(signed["token"], "ann")
    assert await ann.data(ME) == {"id": "ann", "email": "Ann@Example.org", "role": "CUSTOMER"}
    (recorded,), _ = await shop.app.log.select(types=["UserLoggedIn"])
    assert recorded.actor_id == "ann"


async def test_a_registration_without_an_id_gets_one_and_the_same_for_the_same_command(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    fields = {key: value for key, value in ANN.items() if key != "id"}
    first = await nobody.send("registerUser", "user { id }", **fields, commandId="c")
    again = await nobody.send("registerUser", "user { id }", **fields, commandId="c")
    assert again == {**first, "receipt": {**first["receipt"], "replayed": True}}
    assert shop.app.log.position == 1


async def test_who_repeats_a_registration_with_another_password_learns_nothing_of_the_user(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    await nobody.accepted("registerUser", **ANN, commandId="c")
    payload = await nobody.send("registerUser", "user { id }", **{**ANN, "password": "another one"}, commandId="c")
    assert (payload["receipt"]["replayed"], payload["user"]) == (True, None)
    assert await refused_sign_in(shop, "ann@example.org", "another one") == [WRONG]


async def test_another_registration_under_the_same_command_id_is_refused(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    await nobody.accepted("registerUser", **ANN, commandId="c")
    (error,) = await nobody.errors("registerUser", **{**ANN, "lastName": "Li"}, commandId="c")
    assert error["code"] == "COMMAND_ID_REUSED"


async def test_an_address_belongs_to_one_user_however_it_is_spelled(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    await nobody.accepted("registerUser", **ANN)
    (error,) = await nobody.errors("registerUser", **{**ANN, "id": "bob", "email": "ANN@EXAMPLE.ORG"})
    assert (error["__typename"], error["code"], error["path"]) == ("AlreadyTaken", "ALREADY_TAKEN", ["email"])


async def test_of_a_hundred_registrations_of_one_address_at_once_one_is_accepted(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    fields = {key: value for key, value in ANN.items() if key != "id"}
    document = """mutation($input: RegisterUserInput!) { registerUser(input: $input) { receipt { stream }
      errors { code } } }"""
    answers = await asyncio.gather(*(nobody.post(document, input=fields) for _ in range(100)))
    outcomes = [outcome(each.json()) for each in answers]
    # Those who come while too many passwords are being hashed are turned away before anything is decided.
    assert set(outcomes) <= {"accepted", "ALREADY_TAKEN", "RATE_LIMITED"}
    assert outcomes.count("accepted") == 1
    assert outcomes.count("ALREADY_TAKEN") >= 10
    assert shop.app.log.position == 1
    await signed_in(shop)


def outcome(answer: dict[str, Any]) -> str:
    """What became of a registration, in a word."""
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    payload = answer["data"]["registerUser"]
    return "accepted" if payload["receipt"] else str(payload["errors"][0]["code"])


async def test_all_that_is_wrong_with_a_registration_is_told_at_once(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    wrong = {"id": "event_1", "email": "ann", "firstName": " ", "lastName": "x" * 101, "password": "short"}
    errors = await nobody.errors("registerUser", **wrong)
    assert {each["code"] for each in errors} == {"INVALID"}
    assert [each["path"] for each in errors] == [["id"], ["email"], ["firstName"], ["lastName"], ["password"]]
    assert all("short" not in each["message"] for each in errors)


# ---------------------------------------------------------------- signing in


async def test_an_unknown_address_and_a_wrong_password_look_the_same(shop: Shop) -> None:
    await (await shop.viewer(None)).accepted("registerUser", **ANN)
    for email, password in (
        ("ann@example.org", "not the password"),
        ("ann@example.org", ""),
        ("ann@example.org", "x" * 100_000),
        ("ann@example.org", PASSWORD + "x" * 200),
        ("bob@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("", ""),
        ("\x00@example.org", PASSWORD),
    ):
        assert await refused_sign_in(shop, email, password) == [WRONG], (email, password[:40])


async def test_a_suspended_user_is_told_so_only_with_the_right_password(shop: Shop) -> None:
    admin = await shop.viewer("admin")
    await (await shop.viewer(None)).accepted("registerUser", **ANN)
    await admin.accepted("suspendUser", userId="ann", reason="fraud")
    assert await refused_sign_in(shop, "ann@example.org", "not the password") == [WRONG]
    (error,) = await refused_sign_in(shop, "ann@example.org", PASSWORD)
    assert (error["__typename"], error["code"], error["state"]) == ("NotAllowedNow", "NOT_ALLOWED_NOW", "SUSPENDED")
    await admin.accepted("reinstateUser", userId="ann")
    assert await (await signed_in(shop)).data(ME) == {"id": "ann", "email": "Ann@Example.org", "role": "CUSTOMER"}


# ---------------------------------------------------------------- another password


async def test_a_password_is_changed_by_who_knows_the_one_until_now(shop: Shop) -> None:
    ann, fields = await shop.viewer("customer", "ann"), {"userId": "ann", "newPassword": "the new password"}
    (error,) = await ann.errors("changeUserPassword", **fields, currentPassword="not the password")
    assert (error["code"], error["path"]) == ("INVALID", ["currentPassword"])
    (error,) = await ann.errors("changeUserPassword", userId="ann", currentPassword=PASSWORD, newPassword="short")
    assert (error["code"], error["path"]) == ("INVALID", ["newPassword"])
    first = await ann.send("changeUserPassword", "user { id }", **fields, currentPassword=PASSWORD, commandId="c")
    assert (first["errors"], first["user"]) == ([], {"id": "ann"})
    # The password until now is another one by the time of a repeat, which must not notice.
    again = await ann.send("changeUserPassword", "user { id }", **fields, currentPassword=PASSWORD, commandId="c")
    assert again == {**first, "receipt": {**first["receipt"], "replayed": True}}
    assert await refused_sign_in(shop, "ann@example.org", PASSWORD) == [WRONG]
    await signed_in(shop, password="the new password")


async def test_nobody_changes_the_password_of_somebody_else(shop: Shop) -> None:
    await shop.viewer("customer", "ann")
    document = """mutation { changeUserPassword(input: {userId: "ann", currentPassword: "correct horse battery staple",
      newPassword: "the new password"}) { receipt { position } } }"""
    for viewer in (await shop.viewer("customer", "bob"), await shop.viewer("admin")):
        before = shop.app.log.position
        assert (await viewer.refused(document))["extensions"]["code"] == "FORBIDDEN"
        assert shop.app.log.position == before


async def test_no_answer_row_event_or_log_line_holds_a_password_or_its_hash(
    shop: Shop, capsys: Any, caplog: Any
) -> None:
    nobody = await shop.viewer(None)
    answers = [await nobody.send("registerUser", USER, **ANN, commandId="c")]
    ann = await signed_in(shop)
    fields = {"userId": "ann", "currentPassword": PASSWORD, "newPassword": "the new password"}
    answers.append(await ann.send("changeUserPassword", USER, **fields))
    answers.append(await shop.data("{ events { nodes { data } } }"))
    answers.append(await shop.data(ONE, id="ann"))
    kept = await shop.app.log.secret("user-ann", "password")
    assert kept is not None
    assert kept.startswith("$argon2id$")
    rows = await shop.app.log.read(0, 100)
    written = capsys.readouterr()
    for text in (str(answers), repr(rows), written.out, written.err, caplog.text):
        assert all(secret not in text for secret in (PASSWORD, "the new password", kept, "$argon2"))


# ---------------------------------------------------------------- what is changed about an account


async def test_an_account_goes_through_its_life(shop: Shop) -> None:
    ann, admin = await shop.viewer("customer", "ann"), await shop.viewer("admin")
    user = await ann.data(ONE, id="ann")
    steps: list[tuple[Client, str, dict[str, Any], dict[str, Any]]] = [
        (ann, "updateUserProfile", {"lastName": " Li "}, {"lastName": "Li"}),
        (ann, "updateUserContact", {"phone": "555", "address": "1 Main St"}, {"phone": "555", "address": "1 Main St"}),
        (ann, "updateUserContact", {"phone": None}, {"phone": None}),
        (admin, "updateUserContact", {"address": ""}, {"address": None}),
        (ann, "changeUserEmail", {"email": "ann@example.com"}, {"email": "ann@example.com"}),
        (admin, "grantRole", {"role": "STAFF"}, {"role": "STAFF"}),
        (admin, "suspendUser", {"reason": "away"}, {"status": "SUSPENDED"}),
        (admin, "reinstateUser", {}, {"status": "ACTIVE"}),
        (
            admin,
            "deleteUser",
            {},
            {"status": "DELETED", "email": "", "firstName": "", "lastName": ""},
        ),
    ]
    for number, (viewer, mutation, fields, effect) in enumerate(steps, start=2):
        payload = await viewer.send(mutation, USER, userId="ann", expectedVersion=number - 1, **fields)
        assert payload["errors"] == []
        user |= {
            **effect,
            "version": number,
            "position": payload["receipt"]["position"],
            "updatedAt": payload["receipt"]["acceptedAt"],
        }
        assert payload["user"] == user
    assert await shop.data(ONE, id="ann") == user
    assert await refused_sign_in(shop, "ann@example.com", PASSWORD) == [WRONG]
    assert await shop.app.log.secret("user-ann", "password") is None
    assert await shop.app.log.claimant("email", same_email("ann@example.com")) is None


async def test_what_is_left_out_stays(shop: Shop) -> None:
    ann = await shop.viewer("customer", "ann")
    await ann.accepted("updateUserContact", userId="ann", phone="555", address="1 Main St")
    at = shop.app.log.position
    for mutation in ("updateUserContact", "updateUserProfile"):
        payload = await ann.send(mutation, "user { firstName phone address }", userId="ann")
        assert payload["user"] == {"firstName": "Ann", "phone": "555", "address": "1 Main St"}
    payload = await ann.send("updateUserProfile", "user { firstName }", userId="ann", firstName=None)
    assert payload["user"] == {"firstName": "Ann"}
    assert shop.app.log.position == at
    (error,) = await ann.errors("updateUserProfile", userId="ann", firstName="")
    assert (error["code"], error["path"]) == ("INVALID", ["firstName"])


async def test_only_oneself_and_administrators_change_an_account(shop: Shop) -> None:
    await shop.viewer("customer", "ann")
    bob = await shop.viewer("customer", "bob")
    for mutation, fields in {
        "updateUserProfile": 'firstName: "x"',
        "updateUserContact": 'phone: "x"',
        "changeUserEmail": 'email: "x@example.org"',
        "deleteUser": "",
    }.items():
        for viewer in (bob, shop):
            before = shop.app.log.position
            document = f'mutation {{ {mutation}(input: {{userId: "ann", {fields}}}) {{ receipt {{ position }} }} }}'
            assert (await viewer.refused(document))["extensions"]["code"] == "FORBIDDEN"
            assert shop.app.log.position == before


async def test_an_administrator_learns_which_user_there_is_not(shop: Shop) -> None:
    admin = await shop.viewer("admin")
    for mutation, fields in {
        "updateUserProfile": {"firstName": "x"},
        "grantRole": {"role": "STAFF"},
        "suspendUser": {"reason": "x"},
        "reinstateUser": {},
        "deleteUser": {},
    }.items():
        (error,) = await admin.errors(mutation, userId="nobody", **fields)
        assert (error["code"], error["path"], error["message"]) == (
            "NOT_FOUND",
            ["userId"],
            "There is no user 'nobody'.",
        )


# ---------------------------------------------------------------- reads


async def everybody(shop: Shop) -> str:
    """Five users; the position of the last."""
    nobody, position = await shop.viewer(None), "0"
    for id, first, last in (
        ("u1", "Zoe", "Adams"),
        ("u2", "Ann", "Lee"),
        ("u3", "Bob", "Lee"),
        ("u4", "José", "García"),
        ("u5", "Eve", "O'Neill"),
    ):
        receipt = await nobody.accepted(
            "registerUser", id=id, firstName=first, lastName=last, email=f"{id}@example.org", password=PASSWORD
        )
        position = str(receipt["position"])
    return position


async def test_the_staff_list_narrow_and_search_the_users(shop: Shop) -> None:
    head = await everybody(shop)
    searches: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["u1", "u4", "u2", "u3", "u5"]),
        ({"ids": ["u3", "u1"]}, ["u1", "u3"]),
        ({"status": "SUSPENDED"}, []),
        ({"role": "CUSTOMER", "status": "ACTIVE"}, ["u1", "u4", "u2", "u3", "u5"]),
        ({"text": "lee"}, ["u2", "u3"]),
        ({"text": "lee an"}, ["u2"]),
        ({"text": "garcia"}, ["u4"]),
        ({"text": "u5@example"}, ["u5"]),
        ({"text": "lee", "ids": ["u3", "u5"]}, ["u3"]),
        ({"text": ""}, []),
        ({"text": None}, ["u1", "u4", "u2", "u3", "u5"]),
    ]
    for filter, expected in searches:
        page = await shop.data(LIST, filter=filter, atLeast=head)
        assert [each["id"] for each in page["nodes"]] == expected, filter
    first = await shop.data(LIST, first=2)
    rest = await shop.data(LIST, after=first["pageInfo"]["endCursor"])
    assert [each["id"] for page in (first, rest) for each in page["nodes"]] == ["u1", "u4", "u2", "u3", "u5"]


async def test_the_users_are_followed_but_a_search_is_not(shop: Shop) -> None:
    query = """subscription($filter: UserFilter, $after: Position) { users(filter: $filter, after: $after) {
      kind since position more upserted { id status } removed } }"""
    admin = await shop.viewer("admin")
    await everybody(shop)
    await shop.settled()
    async with shop.follow(query, filter={"status": "ACTIVE", "role": "CUSTOMER"}) as stream:
        view = View()
        await view.until(stream, str(shop.app.log.position))
        assert sorted(view.rows) == ["u1", "u2", "u3", "u4", "u5"]
        receipt = await admin.accepted("suspendUser", userId="u2", reason="away")
        await view.until(stream, receipt["position"])
        assert sorted(view.rows) == ["u1", "u3", "u4", "u5"]
    async with shop.follow(query, filter={"text": "lee"}) as stream:
        error = await stream.error()
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"] == "`text` narrows a query; a subscription cannot follow a search."


async def test_a_user_is_followed_to_the_newest_state(shop: Shop) -> None:
    ann = await shop.viewer("customer", "ann")
    async with ann.follow('subscription { user(id: "ann") { firstName version } }') as stream:
        assert await stream.next() == {"firstName": "Ann", "version": 1}
        await ann.accepted("updateUserProfile", userId="ann", firstName="Anna")
        assert await stream.next() == {"firstName": "Anna", "version": 2}


async def test_what_hangs_on_a_user_is_never_older_than_the_user(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    query = """subscription { user(id: "ann") { orderCount orderSummary { totalOrders } orders { nodes { id } } } }"""
    async with ann.follow(query) as stream:
        assert (await stream.next())["orderCount"] == 0
        slow = [shop.app.projector.projections[name] for name in ("orders", "user_orders")]
        for each in slow:
            each.pause()
        receipt = await ann.accepted("placeOrder", id="o1", lines=lines(m1=1))
        assert await shop.app.reached(USERS, int(receipt["position"]))
        for each in slow:
            each.resume()
        assert await stream.next() == {
            "orderCount": 1,
            "orderSummary": {"totalOrders": 1},
            "orders": {"nodes": [{"id": "o1"}]},
        }


async def test_a_hundred_users_with_their_figures_are_one_query_more(shop: Shop, monkeypatch: Any) -> None:
    nobody = await shop.viewer(None)
    head = "0"
    for number in range(100):
        receipt = await nobody.accepted(
            "registerUser",
            email=f"u{number}@example.org",
            firstName="A",
            lastName=f"{number:03}",
            password=PASSWORD,
        )
        head = receipt["position"]
    reads: list[int] = []
    load = shop.app.rows.load

    async def counted(model: Any, keys: Any) -> Any:
        reads.append(len(keys))
        return await load(model, keys)

    monkeypatch.setattr(shop.app.rows, "load", counted)
    query = """query($atLeast: Position) { users(first: 100, atLeast: $atLeast) { nodes {
      orderSummary { totalOrders totalSpent { amount } averageOrderValue { amount } ordersByStatus { count } } } } }"""
    page = await shop.data(query, atLeast=head)
    assert len(page["nodes"]) == 100
    assert reads == [100]


async def test_registering_survives_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await (await shop.viewer(None)).accepted("registerUser", **ANN)
    async with opened(tmp_path) as shop:
        ann = await signed_in(shop)
        assert (await ann.data(ONE, id="ann"))["version"] == 2


async def test_who_follows_a_user_follows_their_orders_and_payments(shop: Shop) -> None:
    figures = "orderSummary { ordersByStatus { status count } }"
    shown = f"position {figures} orders {{ nodes {{ id status }} }} payments {{ nodes {{ status }} }}"
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await shop.drained()
    async with shop.follow(f'subscription {{ user(id: "ann") {{ {shown} }} }}') as stream:
        last = await stream.next()
        await paid(shop, ann, "o1", m1=1)
        await ann.accepted("placeOrder", id="o2", lines=[{"medicineId": "m2", "quantity": 1}])
        await shop.drained()
        await ann.accepted("cancelOrder", orderId="o2", reason="changed my mind")
        await shop.drained()
        now = await shop.data(f'{{ user(id: "ann") {{ {shown} }} }}')
        while last["position"] != now["position"]:
            last = await stream.next()
        assert last == now
    assert {node["id"]: node["status"] for node in now["orders"]["nodes"]} == {"o1": "PAID", "o2": "CANCELLED"}
