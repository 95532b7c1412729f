"""The users: one row for each, as they sign in."""

from typing import Annotated, TypeAlias, assert_never

from domain.user import Role, RoleGranted, UserDeleted, UserRegistered, UserReinstated, UserStatus, UserSuspended
from engine.shapes import FIXED, ReadModel, Row, replace

Source: TypeAlias = UserRegistered | RoleGranted | UserSuspended | UserReinstated | UserDeleted


class UserRow(Row):
    id: Annotated[str, FIXED]
    email: str
    role: Role
    status: UserStatus = UserStatus.ACTIVE


def keys(event: Source) -> tuple[str, ...]:
    return (event.user_id,)


def apply(row: UserRow | None, event: Source) -> UserRow | None:
    match event:
        case UserRegistered():
            return UserRow(id=event.user_id, email=event.email, role=event.role)
        case RoleGranted():
            return row and replace(row, role=event.role)
        case UserSuspended():
            return row and replace(row, status=UserStatus.SUSPENDED)
        case UserReinstated():
            return row and replace(row, status=UserStatus.ACTIVE)
        case UserDeleted():
            return row and replace(row, status=UserStatus.DELETED)
        case _:
            assert_never(event)


USERS = ReadModel("users", row=UserRow, keys=keys, apply=apply, version=1, of="user")
