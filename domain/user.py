"""A user: who signs in, and what they may do."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import TypeAlias, assert_never

from domain.text import identifier, text
from engine.refusals import AlreadyTaken, NotAllowedNow, NotFound, check
from engine.shapes import Aggregate, Command, Event, Secret, State, replace


class Role(Enum):
    CUSTOMER = "CUSTOMER"
    STAFF = "STAFF"
    ADMIN = "ADMIN"


class UserStatus(Enum):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DELETED = "DELETED"


class RegisterUser(Command):
    user_id: str
    email: str
    first_name: str
    last_name: str
    password: Secret
    role: Role = Role.CUSTOMER

    def __post_init__(self) -> None:
        check(identifier("id", self.user_id), text("email", self.email))


class GrantRole(Command):
    user_id: str
    role: Role


class SuspendUser(Command):
    user_id: str
    reason: str


class ReinstateUser(Command):
    user_id: str


class DeleteUser(Command):
    user_id: str


UserCommand: TypeAlias = RegisterUser | GrantRole | SuspendUser | ReinstateUser | DeleteUser


class UserRegistered(Event):
    user_id: str
    email: str
    role: Role


class RoleGranted(Event):
    user_id: str
    role: Role


class UserSuspended(Event):
    user_id: str
    reason: str


class UserReinstated(Event):
    user_id: str


class UserDeleted(Event):
    user_id: str


UserEvent: TypeAlias = UserRegistered | RoleGranted | UserSuspended | UserReinstated | UserDeleted


class User(State):
    status: UserStatus | None = None
    role: Role = Role.CUSTOMER


def decide(user: User, command: UserCommand, now: datetime) -> Sequence[UserEvent]:
    match command:
        case RegisterUser():
            if user.status:
                raise AlreadyTaken("There is already a user with this id.", ["id"])
            return [UserRegistered(user_id=command.user_id, email=command.email, role=command.role)]
        case _ if user.status is None:
            raise NotFound("There is no such user.", ["user_id"])
        case _ if user.status is UserStatus.DELETED:
            raise NotAllowedNow("The user is deleted.", state=user.status.name)
        case _:
            return _change(user, command)


def _change(user: User, command: GrantRole | SuspendUser | ReinstateUser | DeleteUser) -> Sequence[UserEvent]:
    match command:
        case GrantRole():
            granted = RoleGranted(user_id=command.user_id, role=command.role)
            return [granted] if command.role is not user.role else []
        case SuspendUser():
            suspended = UserSuspended(user_id=command.user_id, reason=command.reason)
            return [suspended] if user.status is UserStatus.ACTIVE else []
        case ReinstateUser():
            return [UserReinstated(user_id=command.user_id)] if user.status is UserStatus.SUSPENDED else []
        case DeleteUser():
            return [UserDeleted(user_id=command.user_id)]
        case _:
            assert_never(command)


def evolve(user: User, event: UserEvent) -> User:
    match event:
        case UserRegistered():
            return User(status=UserStatus.ACTIVE, role=event.role)
        case RoleGranted():
            return replace(user, role=event.role)
        case UserSuspended():
            return replace(user, status=UserStatus.SUSPENDED)
        case UserReinstated():
            return replace(user, status=UserStatus.ACTIVE)
        case UserDeleted():
            return replace(user, status=UserStatus.DELETED)
        case _:
            assert_never(event)


USER = Aggregate("user", identity="user_id", initial=User(), decide=decide, evolve=evolve)
