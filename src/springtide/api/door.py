"""The door of the API: keys, their scopes and their rate limits."""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import anyio.to_thread
from litestar.connection import ASGIConnection

from springtide.api.guesses import TooManyGuesses
from springtide.api.limits import Limits, Standing
from springtide.api.refused import Refusals
from springtide.api.stated import NeedsServerKey
from springtide.bootstrap import House
from springtide.domain.access import operations, queries
from springtide.domain.access.model import Caller, Key
from springtide.kit.addresses import network_of
from springtide.kit.errors import N_, Refusal
from springtide.kit.outage import unless_away

Connection = ASGIConnection[Any, Any, Any, Any]
_USED_EVERY = timedelta(minutes=1)
# How long a hot route knows a key: a revoked one opens it no longer than this.
_RECENT_SECONDS = 1.0
_RECENT_MAX = 1_000
#: How many times what one address has a whole publishable key has.
WHOLE_KEY = 20


class NoKey(Refusal):
    """No API key, or one that is unknown or revoked."""

    code = "no_key"
    status = 401
    text = N_("Send a valid API key as “Authorization: Bearer sk_live_…”.")


class KeyExpired(Refusal):
    """A key that was good once."""

    code = "key_expired"
    status = 401
    text = N_("This API key ended on {day}: make a new one under Settings → API keys.")


class ScopeMissing(Refusal):
    """The key is good, but does not hold the scope of this route."""

    code = "scope_missing"
    status = 403
    text = N_("This key lacks the scope {scope}.")


class SecretKeyNeeded(Refusal):
    """A publishable key called a route that is for servers only."""

    code = "secret_key_needed"
    status = 403
    text = N_("This route needs a secret key: call it from your server, not from a browser.")


#: Refusals that the shop of a key reads in its audit log.
_NOTED = (KeyExpired, ScopeMissing, SecretKeyNeeded, NeedsServerKey, TooManyGuesses)


class Door:
    """Lets callers with a good key in, as often as their limit allows."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._refusals = Refusals(house)
        rate = house.settings.api_rate_per_second
        self._secret = Limits(rate=rate, burst=rate * 5)
        self._recent: dict[bytes, tuple[Caller, float]] = {}
        self._looking: dict[bytes, asyncio.Future[Caller | None]] = {}
        # A publishable key is everybody's: each address has its part, so that one visitor cannot
        # use up the others', and the whole key has many times that.
        self._visitors = Limits(rate=max(rate / 4, 1), burst=rate)
        self._publishable = Limits(rate=rate * WHOLE_KEY, burst=rate * 5 * WHOLE_KEY)
        self._rushing = Limits(rate=rate, burst=rate * 5)

    async def admit(self, connection: Connection, rule: Key, *, is_hot: bool = False) -> Caller:
        """Return who calls; raises NoKey, KeyExpired, SecretKeyNeeded, ScopeMissing or
        TooManyRequests.

        Hot routes have a queue of their own for a limit.
        """
        token = bearer(connection)
        if token is None:
            raise NoKey
        caller = await anyio.to_thread.run_sync(self._caller, token)
        if caller is None:
            raise NoKey
        state = connection.scope["state"]
        state["caller"] = caller
        if is_hot:
            self.rush(caller, address_of(connection.scope))
        else:
            state["standing"] = self._take(caller, address_of(connection.scope))
        self.check(caller, rule)
        return caller

    def note_refused(self, caller: Caller | None, refusal: Refusal, route: str) -> None:
        """Count a refusal that the key's shop reads in its audit log; writes nothing itself."""
        if caller is not None and isinstance(refusal, _NOTED):
            self._refusals.note(caller, reason=refusal.code, route=route)

    def close(self) -> None:
        """Write the refusals that wait."""
        self._refusals.close()

    def _take(self, caller: Caller, address: str) -> Standing:
        at, key = time.monotonic(), caller.key
        if not key.is_publishable:
            return self._secret.take(key.id, at_seconds=at)
        standing = self._visitors.take((key.id, address), at_seconds=at)
        self._publishable.take(key.id, at_seconds=at)
        return standing

    def rush(self, caller: Caller, address: str) -> None:
        """Take one call of a hot route; refuses (TooManyRequests) an address that has no more.

        Many buyers stand behind one address in a rush, so it has more there than elsewhere; each
        customer's own tries are counted besides. A server's key has no bound here but the queue.
        """
        if caller.key.is_publishable:
            self._rushing.take((caller.key.id, address), at_seconds=time.monotonic())

    def check(self, caller: Caller, rule: Key) -> None:
        """Refuse a caller whose key does not open a route, or no longer opens any."""
        ends_at = caller.key.expires_at
        if ends_at is not None and ends_at <= self._house.real_now():
            raise KeyExpired(day=ends_at.astimezone(caller.shop.tz).date())
        if caller.key.is_publishable and not rule.publishable:
            raise SecretKeyNeeded
        if rule.scope not in caller.key.scopes:
            raise ScopeMissing(scope=rule.scope)

    async def recognised(self, authorization: bytes) -> Caller:
        """Return who sends this header to a hot route; raises NoKey.

        A key is known for a second; those who come with one that is not wait for one look at it.
        """
        caller = self._known(authorization)
        if caller is not None:
            return caller
        looking = self._looking.get(authorization)
        if looking is None:
            looking = asyncio.ensure_future(self._look(authorization))
            self._looking[authorization] = looking
            looking.add_done_callback(lambda _: self._looking.pop(authorization, None))
        # Who goes away leaves the others their answer.
        caller = await asyncio.shield(looking)
        if caller is None:
            raise NoKey
        return caller

    async def _look(self, authorization: bytes) -> Caller | None:
        token = _bearer(authorization.decode("latin-1"))
        caller = None if token is None else await anyio.to_thread.run_sync(self._caller, token)
        if caller is not None:
            self._remember(authorization, caller)
        return caller

    def _known(self, authorization: bytes) -> Caller | None:
        caller, until = self._recent.get(authorization, (None, 0.0))
        now = time.monotonic()
        if caller is None or now >= until + _RECENT_SECONDS:
            return None
        if now >= until:
            # This one looks again, and the others need not wait for what it finds.
            self._recent[authorization] = (caller, now + _RECENT_SECONDS)
            return None
        return caller

    def _remember(self, authorization: bytes, caller: Caller) -> None:
        if len(self._recent) >= _RECENT_MAX:
            self._recent.clear()
        self._recent[authorization] = (caller, time.monotonic() + _RECENT_SECONDS)

    def _caller(self, token: str) -> Caller | None:
        now = self._house.real_now()
        with self._house.db.read() as tx:
            caller = queries.caller_once(tx, token=token)
        if caller is None:
            return None
        if caller.key.revoked_at is not None:
            self._refusals.note(caller, reason="key_revoked", route="/v1")
            return None
        last = caller.key.last_used_at
        if last is None or now - last > _USED_EVERY:
            with unless_away("a key's last use"), self._house.db.write(is_patient=False) as tx:
                operations.mark_key_used(tx, key_id=caller.key.id, now=now)
        return caller


def address_of(scope: Mapping[str, Any]) -> str:
    """Return whom a request's address stands for, as trusted proxies forwarded it."""
    client = scope.get("client")
    return network_of(client[0]) if client else ""


def bearer(connection: Connection) -> str | None:
    """Return the token of ``Authorization: Bearer …``, where there is one."""
    return _bearer(connection.headers.get("authorization", ""))


def _bearer(authorization: str) -> str | None:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and 0 < len(token) <= 200 else None
