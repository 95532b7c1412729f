"""Sign-ins that go on: another token in place of one that is about to expire, also on a living socket."""

from datetime import datetime, timedelta

import strawberry
from strawberry import UNSET

from engine.graphql.scalars import given
from schema.context import Info, ShopContext
from schema.viewers import Unauthenticated

LONGEST = timedelta(days=30)
"After this somebody who signed in has to give the password again, however often the token was refreshed."


@strawberry.input(description="How to go on.")
class RefreshTokenInput:
    token: str | None = strawberry.field(
        default=UNSET, description="One that was given elsewhere, by logIn; without it another one is made."
    )


@strawberry.type(description="The answer to refreshToken.")
class RefreshTokenPayload:
    token: str = strawberry.field(description="To be sent as `Authorization: Bearer …` from now on.")
    expires_at: datetime = strawberry.field(description="When the token ends.")


@strawberry.type
class Mutation:
    @strawberry.mutation(
        description="Stay signed in, for at most 30 days in all: another token for whoever is. A socket goes on under "
        "the new token, with every subscription that shows the same under both; others end with an error."
    )
    async def refresh_token(self, info: Info, input: RefreshTokenInput) -> RefreshTokenPayload:
        token = given(input.token) or _another(info.context)
        viewer = await info.context.renew(token)
        assert viewer.expires_at is not None
        return RefreshTokenPayload(token=token, expires_at=viewer.expires_at)


def _another(context: ShopContext) -> str:
    viewer = context.viewer
    assert viewer.user_id is not None
    assert viewer.signed_in_at is not None
    if context.now() - viewer.signed_in_at >= LONGEST:
        raise Unauthenticated(f"It is {LONGEST.days} days since you gave your password. Sign in again.")
    # From the position of the sign-in: a suspension since then ends whatever came of it.
    return context.tokens.issue(viewer.user_id, viewer.position, viewer.signed_in_at).text
