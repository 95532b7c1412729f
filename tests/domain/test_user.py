"""A user registers, is changed, governed and at last deleted; an address belongs to one user at a time."""

import pytest

from domain.standing import Role
from domain.user import (
    USER,
    ChangeUserEmail,
    ChangeUserPassword,
    DeleteUser,
    GrantRole,
    LogIn,
    RegisterUser,
    ReinstateUser,
    RoleGranted,
    SuspendUser,
    UpdateUserContact,
    UpdateUserProfile,
    UserCommand,
    UserContactChanged,
    UserDeleted,
    UserEmailChanged,
    UserEvent,
    UserLoggedIn,
    UserPasswordChanged,
    UserRegistered,
    UserReinstated,
    UserRenamed,
    UserSuspended,
    claims,
)
from engine.refusals import AlreadyTaken, InvalidInput, NotAllowedNow, NotFound
from engine.shapes import Claim, Erase, Release, Secret
from engine.testing import given

HASH = Secret("$argon2id$")
REGISTER_ANA = RegisterUser(user_id="u1", email="Ana@example.org", first_name=" Ana ", last_name="López", password=HASH)
ANA = UserRegistered(user_id="u1", email="Ana@example.org", first_name="Ana", last_name="López", role=Role.CUSTOMER)
SUSPENDED = UserSuspended(user_id="u1", email="Ana@example.org", reason="does not pay")
REINSTATED = UserReinstated(user_id="u1")
DELETED = UserDeleted(user_id="u1", email="Ana@example.org")
RENAMED = UserRenamed(user_id="u1", first_name="Anna", last_name="López")
PHONED = UserContactChanged(user_id="u1", phone="+351 1", address=None)
MOVED = UserEmailChanged(user_id="u1", email="ana@example.com", previous_email="Ana@example.org")

LOG_IN = LogIn(user_id="u1")
DELETE = DeleteUser(user_id="u1")
SUSPEND = SuspendUser(user_id="u1", reason="does not pay")
REINSTATE = ReinstateUser(user_id="u1")
RENAME = UpdateUserProfile(user_id="u1", first_name="Anna ")
PHONE = UpdateUserContact(user_id="u1", phone=" +351 1 ")
MOVE = ChangeUserEmail(user_id="u1", email="ana@example.com")
NEW_PASSWORD = ChangeUserPassword(user_id="u1", password=HASH)
PROMOTE = GrantRole(user_id="u1", role=Role.STAFF)
EVERYTHING = [LOG_IN, DELETE, SUSPEND, REINSTATE, RENAME, PHONE, MOVE, NEW_PASSWORD, PROMOTE]

each_command = pytest.mark.parametrize("command", EVERYTHING, ids=lambda command: type(command).__name__)


def test_a_user_registers_with_names_without_blanks_around_them() -> None:
    given(USER).when(REGISTER_ANA).then(ANA)


def test_whoever_registers_somebody_may_give_them_a_role() -> None:
    given(USER).when(
        RegisterUser(user_id="u1", email="a@b.cc", first_name="A", last_name="B", password=HASH, role=Role.ADMIN)
    ).then(UserRegistered(user_id="u1", email="a@b.cc", first_name="A", last_name="B", role=Role.ADMIN))


def test_an_id_can_be_registered_once_only() -> None:
    given(USER, ANA).when(REGISTER_ANA).then_refused(AlreadyTaken, path=("id",))
    given(USER, ANA, DELETED).when(REGISTER_ANA).then_refused(AlreadyTaken, path=("id",))


def test_everything_wrong_with_a_new_user_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        RegisterUser(user_id="u 1", email="ana", first_name=" ", last_name="x" * 101, password=HASH)
    assert [problem.path for problem in (refused.value, *refused.value.also)] == [
        ("id",),
        ("email",),
        ("first_name",),
        ("last_name",),
    ]


@each_command
def test_nothing_can_be_done_with_a_user_who_is_not_registered(command: UserCommand) -> None:
    given(USER).when(command).then_refused(NotFound, path=("user_id",), message="There is no user 'u1'.")


ACTIVE_DOES: list[tuple[UserCommand, list[UserEvent]]] = [
    (LOG_IN, [UserLoggedIn(user_id="u1")]),
    (DELETE, [DELETED]),
    (SUSPEND, [SUSPENDED]),
    (REINSTATE, []),
    (RENAME, [RENAMED]),
    (PHONE, [PHONED]),
    (MOVE, [MOVED]),
    (NEW_PASSWORD, [UserPasswordChanged(user_id="u1")]),
    (PROMOTE, [RoleGranted(user_id="u1", role=Role.STAFF, previous_role=Role.CUSTOMER)]),
]


@pytest.mark.parametrize(("command", "events"), ACTIVE_DOES, ids=lambda each: type(each).__name__)
def test_what_can_be_done_with_an_active_user(command: UserCommand, events: list[UserEvent]) -> None:
    given(USER, ANA).when(command).then(*events)
    given(USER, ANA, SUSPENDED, REINSTATED).when(command).then(*events)


@pytest.mark.parametrize(
    ("command", "events"),
    [
        *((command, events) for command, events in ACTIVE_DOES if command not in (LOG_IN, SUSPEND, REINSTATE)),
        (SUSPEND, []),
        (REINSTATE, [REINSTATED]),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_can_be_done_with_a_suspended_user(command: UserCommand, events: list[UserEvent]) -> None:
    given(USER, ANA, SUSPENDED).when(command).then(*events)


def test_a_suspended_user_cannot_log_in() -> None:
    given(USER, ANA, SUSPENDED).when(LOG_IN).then_refused(
        NotAllowedNow, state="SUSPENDED", message="The account is suspended."
    )


@each_command
def test_a_deleted_user_can_only_be_deleted_again(command: UserCommand) -> None:
    for before in [(ANA, DELETED), (ANA, SUSPENDED, DELETED)]:
        decided = given(USER, *before).when(command)
        if command is DELETE:
            decided.then()
        else:
            decided.then_refused(NotAllowedNow, state="DELETED", message="The user was deleted.")


@pytest.mark.parametrize(
    ("after", "command"),
    [(RENAMED, RENAME), (PHONED, PHONE), (MOVED, MOVE)],
    ids=lambda each: type(each).__name__,
)
def test_what_is_so_already_changes_nothing(after: UserEvent, command: UserCommand) -> None:
    given(USER, ANA, after).when(command).then()


def test_the_role_somebody_has_is_not_granted_again() -> None:
    given(USER, ANA).when(GrantRole(user_id="u1", role=Role.CUSTOMER)).then()
    granted = RoleGranted(user_id="u1", role=Role.STAFF, previous_role=Role.CUSTOMER)
    given(USER, ANA, granted).when(PROMOTE).then()


def test_a_profile_keeps_the_name_that_is_not_given() -> None:
    given(USER, ANA).when(UpdateUserProfile(user_id="u1", last_name="Silva")).then(
        UserRenamed(user_id="u1", first_name="Ana", last_name="Silva")
    )
    given(USER, ANA).when(UpdateUserProfile(user_id="u1")).then()


def test_an_empty_contact_detail_is_removed_and_one_not_given_stays() -> None:
    reached = UserContactChanged(user_id="u1", phone="+351 1", address="Porto")
    given(USER, ANA, reached).when(UpdateUserContact(user_id="u1", phone=" ")).then(
        UserContactChanged(user_id="u1", phone=None, address="Porto")
    )
    given(USER, ANA, reached).when(UpdateUserContact(user_id="u1", address="")).then(
        UserContactChanged(user_id="u1", phone="+351 1", address=None)
    )
    given(USER, ANA, reached).when(UpdateUserContact(user_id="u1")).then()
    given(USER, ANA).when(UpdateUserContact(user_id="u1", phone="", address="")).then()


def test_a_new_spelling_of_the_address_is_a_change() -> None:
    given(USER, ANA).when(ChangeUserEmail(user_id="u1", email="ana@example.org")).then(
        UserEmailChanged(user_id="u1", email="ana@example.org", previous_email="Ana@example.org")
    )


def test_suspension_and_deletion_tell_the_address_of_that_moment() -> None:
    given(USER, ANA, MOVED).when(SUSPEND).then(
        UserSuspended(user_id="u1", email="ana@example.com", reason="does not pay")
    )
    given(USER, ANA, MOVED).when(DELETE).then(UserDeleted(user_id="u1", email="ana@example.com"))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ANA, [Claim("email", "ana@example.org"), Claim("id", "u1")]),
        (MOVED, [Release("email", "ana@example.org"), Claim("email", "ana@example.com")]),
        (DELETED, [Release("email", "ana@example.org"), Erase()]),
        (RENAMED, []),
        (SUSPENDED, []),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_address_is_claimed_and_released(event: UserEvent, expected: list[Claim | Release | Erase]) -> None:
    assert claims(event) == expected


@pytest.mark.parametrize("fields", [{"first_name": " "}, {"last_name": "x" * 101}])
def test_a_name_is_never_blank_nor_endless(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        UpdateUserProfile(user_id="u1", **fields)
    assert refused.value.path == tuple(fields)


@pytest.mark.parametrize("fields", [{"phone": "1" * 101}, {"address": "x" * 501}, {"address": "\x00"}])
def test_a_contact_detail_is_plain_text_with_an_end(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        UpdateUserContact(user_id="u1", **fields)
    assert refused.value.path == tuple(fields)


def test_a_new_address_is_an_address_and_a_suspension_has_a_reason() -> None:
    with pytest.raises(InvalidInput) as refused:
        ChangeUserEmail(user_id="u1", email="ana")
    assert refused.value.path == ("email",)
    with pytest.raises(InvalidInput) as refused:
        SuspendUser(user_id="u1", reason=" ")
    assert refused.value.path == ("reason",)


def test_no_event_state_or_text_holds_a_password() -> None:
    registered = given(USER).when(REGISTER_ANA)
    assert HASH.text not in f"{REGISTER_ANA} {registered} {given(USER, *registered.events)}"
