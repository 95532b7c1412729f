"""What takes a password: registering, signing in, choosing another one."""

from collections.abc import Callable
from datetime import datetime

import strawberry
from strawberry import UNSET

from domain.contact import MOST_PASSWORD, Password, email, same_email
from domain.user import ChangeUserPassword, LogIn, RegisterUser
from engine.graphql.mutation import CommandInput
from engine.graphql.scalars import given
from engine.refusals import CommandIdReused, InvalidInput, check
from engine.shapes import Secret, replace
from readmodels.users import USERS
from schema.accounts import UserPayload
from schema.context import Info, ShopContext
from schema.nodes import chosen
from schema.payloads import CommandPayload, answer, send_made
from schema.permissions import require_self
from schema.users import User

SECRET = "password"
"The name of the secret beside a user's stream: the field of the commands that hold one."
WRONG = "Email address and password do not belong together."


@strawberry.input(description="Somebody new.")
class RegisterUserInput(CommandInput):
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="Their id, if the client makes one.")
    email: str = strawberry.field(description="Where to reach them; nobody else has it.")
    first_name: str = strawberry.field(description="The given name.")
    last_name: str = strawberry.field(description="The family name.")
    password: str = strawberry.field(description="8 to 128 characters.")

    def said(self) -> list[str | None]:
        return [given(self.id), self.email, self.first_name, self.last_name]


@strawberry.input(description="Another password.")
class ChangeUserPasswordInput(CommandInput):
    user_id: strawberry.ID = strawberry.field(description="Which user: oneself.")
    current_password: str = strawberry.field(description="The one until now.")
    new_password: str = strawberry.field(description="The one from now on: 8 to 128 characters.")

    def said(self) -> list[str]:
        return [self.user_id]


@strawberry.input(description="Who wants to sign in.")
class LogInInput:
    email: str = strawberry.field(description="The address, in any spelling.")
    password: str = strawberry.field(description="The password.")


@strawberry.type(description="The answer to registerUser.")
class RegisterUserPayload(CommandPayload):
    is_stranger: strawberry.Private[bool] = False

    @strawberry.field(
        description="The user as they are now; null if the read model does not show them in time, or if the command is "
        "repeated with another password."
    )
    async def user(self, info: Info) -> User | None:
        row = None if self.is_stranger else await info.context.after(USERS, self.accepted, self.key)
        return User.of(row) if row else None


@strawberry.type(description="The answer to changeUserPassword.")
class ChangeUserPasswordPayload(UserPayload):
    pass


@strawberry.type(description="The answer to logIn.")
class LogInPayload(CommandPayload):
    token: str | None = strawberry.field(
        default=None, description="To be sent as `Authorization: Bearer …`; null when the sign-in was refused."
    )
    expires_at: datetime | None = strawberry.field(default=None, description="When the token ends.")

    @strawberry.field(description="Who signed in; null if the read model does not show the sign-in in time.")
    async def user(self, info: Info) -> User | None:
        row = await info.context.after(USERS, self.accepted, self.key)
        return User.of(row, is_self=True) if row else None


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Register oneself, as a customer.")
    async def register_user(self, info: Info, input: RegisterUserInput) -> RegisterUserPayload:
        payload = await send_made(info, input, RegisterUserPayload, RegisterUser, _registering)
        if payload.accepted and payload.accepted.replayed and not info.context.viewer.sees(payload.key):
            # The password is no part of what makes a repeat; whoever only knows the rest learns nothing by it.
            payload.is_stranger = not await _is_right(info.context, payload.accepted.stream, input.password)
        return payload

    @strawberry.mutation(description="Choose another password. Oneself.")
    async def change_user_password(self, info: Info, input: ChangeUserPasswordInput) -> ChangeUserPasswordPayload:
        require_self(info, input.user_id)
        payload = await send_made(info, input, ChangeUserPasswordPayload, ChangeUserPassword, _changing)
        repeated = payload.accepted if payload.accepted and payload.accepted.replayed else None
        if repeated and not await _is_right(info.context, repeated.stream, input.new_password):
            # What makes a repeat leaves passwords out; nobody may be told that one was changed which was not.
            return answer(CommandIdReused(repeated.command_id), ChangeUserPasswordPayload)
        return payload

    @strawberry.mutation(description="Sign in: what it answers with is a token for everything else.")
    async def log_in(self, info: Info, input: LogInInput) -> LogInPayload:
        return await _log_in(info.context, input)


async def _registering(context: ShopContext, input: RegisterUserInput) -> RegisterUser:
    user_id = input.identity(input.id)

    def command() -> RegisterUser:
        return RegisterUser(
            user_id=user_id,
            email=input.email,
            first_name=input.first_name,
            last_name=input.last_name,
            password=Secret(""),
        )

    # Hashing costs what a thousand checks do, so it comes after all of them.
    check(*_problems(lambda: chosen(user_id), command, lambda: Password(input.password)))
    return replace(command(), password=Secret(await context.passwords.hash(input.password)))


def _problems(*makes: Callable[[], object]) -> list[InvalidInput]:
    """What is wrong with several values, together."""
    found: list[InvalidInput] = []
    for make in makes:
        try:
            make()
        except InvalidInput as refusal:
            found += [each for each in (refusal, *refusal.also) if isinstance(each, InvalidInput)]
    return found


async def _changing(context: ShopContext, input: ChangeUserPasswordInput) -> ChangeUserPassword:
    Password(input.new_password, "new_password")
    if not await _is_right(context, f"user-{input.user_id}", input.current_password):
        raise InvalidInput("This is not the password until now.", ["current_password"])
    return ChangeUserPassword(user_id=input.user_id, password=Secret(await context.passwords.hash(input.new_password)))


async def _log_in(context: ShopContext, input: LogInInput) -> LogInPayload:
    is_address = email("email", input.email) is None
    stream = await context.app.log.claimant("email", same_email(input.email)) if is_address else None
    # An unknown address must take as long as a known one, and look the same.
    if not await _is_right(context, stream or "user-", input.password) or stream is None:
        return answer(InvalidInput(WRONG, ["password"]), LogInPayload)
    user_id = stream.partition("-")[2]
    outcome = await context.app.send(LogIn(user_id=user_id), command_id=None, expected_version=None, actor_id=user_id)
    payload = answer(outcome, LogInPayload)
    if payload.accepted:
        payload.token, payload.expires_at = context.tokens.issue(user_id, payload.accepted.position)
    return payload


async def _is_right(context: ShopContext, stream: str, password: str) -> bool:
    kept = await context.app.log.secret(stream, SECRET)
    # No password is longer; one more character is enough to be wrong.
    return await context.passwords.verify(kept, password[: MOST_PASSWORD + 1])
