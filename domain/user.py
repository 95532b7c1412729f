"""A user: a customer or one of the staff, how they are reached, and what they may do."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias, assert_never

from domain.contact import email, same_email
from domain.standing import Role, UserStatus
from domain.text import characters, identifier, named, text
from engine.refusals import AlreadyTaken, NotAllowedNow, NotFound, check
from engine.shapes import Aggregate, Claim, Command, Erase, Event, Personal, Release, Secret, State, replace

MOST_NAME = 100
MOST_ADDRESS = 500


class RegisterUser(Command):
    user_id: str
    email: str
    first_name: str
    last_name: str
    password: Secret
    "The hash of it."
    role: Role = Role.CUSTOMER

    def __post_init__(self) -> None:
        check(
            identifier("id", self.user_id),
            email("email", self.email),
            text("first_name", self.first_name, MOST_NAME),
            text("last_name", self.last_name, MOST_NAME),
        )


class UpdateUserProfile(Command):
    """None leaves a name as it is."""

    user_id: str
    first_name: str | None = None
    last_name: str | None = None

    def __post_init__(self) -> None:
        check(
            None if self.first_name is None else text("first_name", self.first_name, MOST_NAME),
            None if self.last_name is None else text("last_name", self.last_name, MOST_NAME),
        )


class UpdateUserContact(Command):
    """None leaves a detail as it is; an empty text removes it."""

    user_id: str
    phone: str | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        check(
            characters("phone", self.phone or "", MOST_NAME),
            characters("address", self.address or "", MOST_ADDRESS),
        )


class ChangeUserEmail(Command):
    user_id: str
    email: str

    def __post_init__(self) -> None:
        check(email("email", self.email))


class ChangeUserPassword(Command):
    user_id: str
    password: Secret
    "The hash of the new one. Whoever sends this has checked the old one."


class GrantRole(Command):
    user_id: str
    role: Role


class SuspendUser(Command):
    user_id: str
    reason: str

    def __post_init__(self) -> None:
        check(text("reason", self.reason))


class ReinstateUser(Command):
    user_id: str


class DeleteUser(Command):
    user_id: str


class LogIn(Command):
    """Whoever sends this has checked the password."""

    user_id: str


Attendance: TypeAlias = LogIn | ChangeUserPassword | DeleteUser
Change: TypeAlias = UpdateUserProfile | UpdateUserContact | ChangeUserEmail
Governance: TypeAlias = GrantRole | SuspendUser | ReinstateUser
UserCommand: TypeAlias = RegisterUser | Attendance | Change | Governance


class UserRegistered(Event):
    user_id: str
    email: Personal[str]
    first_name: Personal[str]
    last_name: Personal[str]
    role: Role


class UserRenamed(Event):
    user_id: str
    first_name: Personal[str]
    last_name: Personal[str]


class UserContactChanged(Event):
    user_id: str
    phone: Personal[str | None]
    address: Personal[str | None]


class UserEmailChanged(Event):
    user_id: str
    email: Personal[str]
    previous_email: Personal[str]


class UserPasswordChanged(Event):
    user_id: str


class RoleGranted(Event):
    user_id: str
    role: Role
    previous_role: Role


class UserSuspended(Event):
    user_id: str
    email: Personal[str]
    reason: Personal[str]


class UserReinstated(Event):
    user_id: str


class UserDeleted(Event):
    user_id: str
    email: Personal[str]


class UserLoggedIn(Event):
    user_id: str


UserFact: TypeAlias = UserRegistered | UserRenamed | UserContactChanged | UserEmailChanged | RoleGranted
UserEvent: TypeAlias = UserLoggedIn | UserPasswordChanged | UserSuspended | UserReinstated | UserDeleted | UserFact


class User(State):
    exists: bool = False
    status: UserStatus = UserStatus.ACTIVE
    role: Role = Role.CUSTOMER
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    phone: str | None = None
    address: str | None = None


def decide(user: User, command: UserCommand, now: datetime) -> Sequence[UserEvent]:
    if isinstance(command, RegisterUser):
        return _register(user, command)
    if not user.exists:
        raise NotFound(f"There is no user {named(command.user_id)}.", ["user_id"])
    if user.status is UserStatus.DELETED and not isinstance(command, DeleteUser):
        raise NotAllowedNow("The user was deleted.", "DELETED")
    match command:
        case LogIn() | ChangeUserPassword() | DeleteUser():
            return _attend(user, command)
        case UpdateUserProfile() | UpdateUserContact() | ChangeUserEmail():
            return _change(user, command)
        case GrantRole() | SuspendUser() | ReinstateUser():
            return _govern(user, command)
        case _:
            assert_never(command)


def _register(user: User, command: RegisterUser) -> Sequence[UserEvent]:
    if user.exists:
        raise AlreadyTaken(f"There is already a user {named(command.user_id)}.", ["id"])
    return [
        UserRegistered(
            user_id=command.user_id,
            email=command.email,
            first_name=command.first_name.strip(),
            last_name=command.last_name.strip(),
            role=command.role,
        )
    ]


def _attend(user: User, command: Attendance) -> Sequence[UserEvent]:
    match command:
        case LogIn():
            if user.status is UserStatus.SUSPENDED:
                raise NotAllowedNow("The account is suspended.", "SUSPENDED")
            return [UserLoggedIn(user_id=command.user_id)]
        case ChangeUserPassword():
            return [UserPasswordChanged(user_id=command.user_id)]
        case DeleteUser():
            is_gone = user.status is UserStatus.DELETED
            return [] if is_gone else [UserDeleted(user_id=command.user_id, email=user.email)]
        case _:
            assert_never(command)


def _change(user: User, command: Change) -> Sequence[UserEvent]:
    id, changed = command.user_id, _changed(user, command)
    if changed == user:
        return []
    match command:
        case UpdateUserProfile():
            return [UserRenamed(user_id=id, first_name=changed.first_name, last_name=changed.last_name)]
        case UpdateUserContact():
            return [UserContactChanged(user_id=id, phone=changed.phone, address=changed.address)]
        case ChangeUserEmail():
            return [UserEmailChanged(user_id=id, email=changed.email, previous_email=user.email)]
        case _:
            assert_never(command)


def _changed(user: User, command: Change) -> User:
    given = {name: getattr(command, name) for name in command.__struct_fields__ if name != "user_id"}
    return replace(user, **{name: value.strip() or None for name, value in given.items() if value is not None})


def _govern(user: User, command: Governance) -> Sequence[UserEvent]:
    id, is_suspended = command.user_id, user.status is UserStatus.SUSPENDED
    match command:
        case GrantRole():
            is_same = command.role is user.role
            return [] if is_same else [RoleGranted(user_id=id, role=command.role, previous_role=user.role)]
        case SuspendUser():
            found = UserSuspended(user_id=id, email=user.email, reason=command.reason)
            return [] if is_suspended else [found]
        case ReinstateUser():
            return [UserReinstated(user_id=id)] if is_suspended else []
        case _:
            assert_never(command)


def evolve(user: User, event: UserEvent) -> User:
    match event:
        case UserLoggedIn() | UserPasswordChanged():
            return user
        case UserRegistered() | UserRenamed() | UserContactChanged() | UserEmailChanged() | RoleGranted():
            known = set(user.__struct_fields__)
            facts = {name: getattr(event, name) for name in event.__struct_fields__ if name in known}
            return replace(user, exists=True, **facts)
        case UserSuspended():
            return replace(user, status=UserStatus.SUSPENDED)
        case UserReinstated():
            return replace(user, status=UserStatus.ACTIVE)
        case UserDeleted():
            return User(exists=True, status=UserStatus.DELETED)
        case _:
            assert_never(event)


def claims(event: UserEvent) -> Sequence[Claim | Release | Erase]:
    """An address belongs to one user at a time, however it is spelled."""
    match event:
        case UserRegistered():
            return [Claim("email", same_email(event.email)), Claim("id", event.user_id)]
        case UserEmailChanged():
            return [Release("email", same_email(event.previous_email)), Claim("email", same_email(event.email))]
        case UserDeleted():
            return [Release("email", same_email(event.email)), Erase()]
        case _:
            return []


USER = Aggregate("user", identity="user_id", initial=User(), decide=decide, evolve=evolve, claims=claims)
