"""Users' accounts: what they, and administrators, change about them."""

from typing import Any, TypeVar

import strawberry
from strawberry import UNSET

from domain.user import (
    ChangeUserEmail,
    DeleteUser,
    GrantRole,
    ReinstateUser,
    SuspendUser,
    UpdateUserContact,
    UpdateUserProfile,
)
from engine.graphql.mutation import CommandInput
from engine.graphql.scalars import given
from engine.refusals import InvalidInput
from readmodels.users import USERS
from schema.context import Info, ShopContext
from schema.enums import Role
from schema.payloads import CommandPayload, send, send_made
from schema.permissions import require_self_or_admin
from schema.users import User


@strawberry.input(description="A user's name as it is from now on.")
class UpdateUserProfileInput(CommandInput):
    user_id: strawberry.ID = strawberry.field(description="Which user.")
    first_name: str | None = strawberry.field(default=UNSET, description="The given name; left out, it stays.")
    last_name: str | None = strawberry.field(default=UNSET, description="The family name; left out, it stays.")

    def command(self) -> UpdateUserProfile:
        return UpdateUserProfile(
            user_id=self.user_id, first_name=given(self.first_name), last_name=given(self.last_name)
        )


@strawberry.input(description="How to reach a user from now on.")
class UpdateUserContactInput(CommandInput):
    user_id: strawberry.ID = strawberry.field(description="Which user.")
    phone: str | None = strawberry.field(
        default=UNSET, description="A telephone number; left out, it stays; null or empty, it is removed."
    )
    address: str | None = strawberry.field(
        default=UNSET, description="Where parcels go; left out, it stays; null or empty, it is removed."
    )

    def command(self) -> UpdateUserContact:
        return UpdateUserContact(user_id=self.user_id, phone=_detail(self.phone), address=_detail(self.address))


def _detail(value: str | None) -> str | None:
    """What the command wants: None for what stays, an empty text for what is removed."""
    return None if value is UNSET else value or ""


@strawberry.input(description="A user's new email address.")
class ChangeUserEmailInput(CommandInput):
    user_id: strawberry.ID = strawberry.field(description="Which user.")
    email: str = strawberry.field(description="The address from now on, which nobody else has.")

    def command(self) -> ChangeUserEmail:
        return ChangeUserEmail(user_id=self.user_id, email=self.email)


@strawberry.input(description="What a user may do from now on.")
class GrantRoleInput(CommandInput):
    user_id: strawberry.ID = strawberry.field(description="Which user.")
    role: Role = strawberry.field(description="In place of the one they have.")

    def command(self) -> GrantRole:
        return GrantRole(user_id=self.user_id, role=self.role)


@strawberry.input(description="A user to suspend.")
class SuspendUserInput(CommandInput):
    user_id: strawberry.ID = strawberry.field(description="Which user.")
    reason: str = strawberry.field(description="Why.")

    def command(self) -> SuspendUser:
        return SuspendUser(user_id=self.user_id, reason=self.reason)


@strawberry.input(description="A suspended user to let in again.")
class ReinstateUserInput(CommandInput):
    user_id: strawberry.ID = strawberry.field(description="Which user.")

    def command(self) -> ReinstateUser:
        return ReinstateUser(user_id=self.user_id)


@strawberry.input(description="A user to delete, for good.")
class DeleteUserInput(CommandInput):
    user_id: strawberry.ID = strawberry.field(description="Which user.")

    def command(self) -> DeleteUser:
        return DeleteUser(user_id=self.user_id)


@strawberry.type
class UserPayload(CommandPayload):
    @strawberry.field(
        description="The user with this command's effect; null if the read model does not show it in time."
    )
    async def user(self, info: Info) -> User | None:
        row = await info.context.after(USERS, self.accepted, self.key)
        return User.of(row) if row and info.context.viewer.sees(row.id) else None


@strawberry.type(description="The answer to updateUserProfile.")
class UpdateUserProfilePayload(UserPayload):
    pass


@strawberry.type(description="The answer to updateUserContact.")
class UpdateUserContactPayload(UserPayload):
    pass


@strawberry.type(description="The answer to changeUserEmail.")
class ChangeUserEmailPayload(UserPayload):
    pass


@strawberry.type(description="The answer to grantRole.")
class GrantRolePayload(UserPayload):
    pass


@strawberry.type(description="The answer to suspendUser.")
class SuspendUserPayload(UserPayload):
    pass


@strawberry.type(description="The answer to reinstateUser.")
class ReinstateUserPayload(UserPayload):
    pass


@strawberry.type(description="The answer to deleteUser; of its user only the id and the figures are left.")
class DeleteUserPayload(UserPayload):
    pass


A = TypeVar("A", "GrantRoleInput", "SuspendUserInput")


async def _to_another(context: ShopContext, input: A) -> Any:
    """The command. Raises InvalidInput for the administrator's own account: the last one could not undo it."""
    if input.user_id == context.viewer.user_id:
        raise InvalidInput("This is your own account; another administrator can do it.", ["user_id"])
    return input.command()


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Change a user's name. Themselves, administrators.")
    async def update_user_profile(self, info: Info, input: UpdateUserProfileInput) -> UpdateUserProfilePayload:
        require_self_or_admin(info, input.user_id)
        return await send(info, input, UpdateUserProfilePayload)

    @strawberry.mutation(description="Change how a user is reached. Themselves, administrators.")
    async def update_user_contact(self, info: Info, input: UpdateUserContactInput) -> UpdateUserContactPayload:
        require_self_or_admin(info, input.user_id)
        return await send(info, input, UpdateUserContactPayload)

    @strawberry.mutation(description="Change a user's email address. Themselves, administrators.")
    async def change_user_email(self, info: Info, input: ChangeUserEmailInput) -> ChangeUserEmailPayload:
        require_self_or_admin(info, input.user_id)
        return await send(info, input, ChangeUserEmailPayload)

    @strawberry.mutation(description="Change what a user may do. Administrators.")
    async def grant_role(self, info: Info, input: GrantRoleInput) -> GrantRolePayload:
        return await send_made(info, input, GrantRolePayload, GrantRole, _to_another)

    @strawberry.mutation(description="Keep a user from signing in. Administrators.")
    async def suspend_user(self, info: Info, input: SuspendUserInput) -> SuspendUserPayload:
        return await send_made(info, input, SuspendUserPayload, SuspendUser, _to_another)

    @strawberry.mutation(description="Let a suspended user in again. Administrators.")
    async def reinstate_user(self, info: Info, input: ReinstateUserInput) -> ReinstateUserPayload:
        return await send(info, input, ReinstateUserPayload)

    @strawberry.mutation(
        description="Close an account for good: nobody can sign in to it, and it has no name or address any more. "
        "Themselves, administrators."
    )
    async def delete_user(self, info: Info, input: DeleteUserInput) -> DeleteUserPayload:
        require_self_or_admin(info, input.user_id)
        return await send(info, input, DeleteUserPayload)
