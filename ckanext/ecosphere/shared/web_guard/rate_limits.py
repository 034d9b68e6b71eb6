"""Limits: attempts of a person or address, counted in Redis,
and threads that wait for servers of others.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

import ckan.plugins.toolkit as tk
import redis
from ckan.lib.redis import connect_to_redis
from flask import request
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

PREFIX = "ecosphere:rate"
HOUR, MINUTE = 3600, 60
IPV6_NETWORK = 64  # prefix assigned to one household or company


class TooMany(Exception):
    """A rate limit is exceeded.

    Attributes:
        seconds: time until the next attempt is allowed.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


class CountingUnavailable(Exception):
    """Redis is down, so nothing can be counted."""


def hit(what: str, rates: str, *who: str, fallback: bool = False) -> None:
    """Count an attempt.

    Args:
        what: name of the counter.
        rates: rates in the notation of `limits`, "5 per minute; 20 per hour"; nothing is counted if
            empty.
        who: person, address, or both.
        fallback: whether to count within this process while Redis is down.

    Raises:
        TooMany: one of the rates is exceeded; this attempt counts, too.
        CountingUnavailable: Redis is down and there is no fallback.
    """
    _each(what, rates, who, fallback, count=True)


def probe(what: str, rates: str, *who: str, fallback: bool = False) -> None:
    """Raise like `hit` if the next attempt would exceed a rate, without counting one."""
    _each(what, rates, who, fallback, count=False)


def clear(what: str, rates: str, *who: str) -> None:
    """Reset the counters, for instance after a successful log-in; Redis may be down."""
    for limiter in (_limiter(), _memory()):
        for item in _items(rates):
            try:
                limiter.clear(item, what, _site(), *who)
            except redis.RedisError:
                break


def remember(what: str, seconds: int, *who: str) -> None:
    """Set a flag that expires; Redis may be down."""
    try:
        connect_to_redis().set(_key(what, who), 1, ex=seconds)
    except redis.RedisError:
        return


def is_remembered(what: str, *who: str) -> bool:
    """Return whether a flag was set with `remember`; False while Redis is down."""
    try:
        return bool(connect_to_redis().exists(_key(what, who)))
    except redis.RedisError:
        return False


def address() -> str:
    """Return the unit by which the client's address is counted."""
    return network(request.remote_addr)


def network(address: str | None) -> str:
    """Return the unit by which an address is counted: itself, or for IPv6 its /64 network,
    assigned to one customer.
    """
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if parsed.version == 6:  # noqa: PLR2004
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, IPV6_NETWORK), strict=False))
    return str(parsed)


def too_often(error: TooMany, sentence: str = "") -> str:
    """Return what was done too often, which a sentence may say more precisely,
    and when to try again.
    """
    sentence = sentence or tk._("This was done too often in a short time.")
    return f"{sentence} {_try_again(error.seconds)}"


def _try_again(seconds: int) -> str:
    if seconds < HOUR:
        number = max(1, math.ceil(seconds / MINUTE))
        text = tk.ungettext(
            "Try again in {number} minute.", "Try again in {number} minutes.", number
        )
    else:
        number = math.ceil(seconds / HOUR)
        text = tk.ungettext("Try again in {number} hour.", "Try again in {number} hours.", number)
    return text.format(number=number)


def unavailable() -> str:
    """Return the sentence that says that nothing can be counted now."""
    return tk._(
        "This is not possible at the moment: a service of the portal is away. Try again in a few "
        "minutes."
    )


def _each(what: str, rates: str, who: tuple[str, ...], fallback: bool, *, count: bool) -> None:
    try:
        _check(_limiter(), what, rates, who, count)
    except redis.RedisError as error:
        if not fallback:
            raise CountingUnavailable(str(error)) from error
        _check(_memory(), what, rates, who, count)


def _check(
    limiter: FixedWindowRateLimiter, what: str, rates: str, who: tuple[str, ...], count: bool
) -> None:
    exceeded = []
    for item in _items(rates):
        passed = (limiter.hit if count else limiter.test)(item, what, _site(), *who)
        if not passed:
            exceeded.append(limiter.get_window_stats(item, what, _site(), *who).reset_time)
    if exceeded:
        raise TooMany(max(1, math.ceil(max(exceeded) - time.time())))


@cache
def _items(rates: str) -> tuple[RateLimitItem, ...]:
    if rates.strip():
        return tuple(parse_many(rates))
    return ()


def _limiter() -> FixedWindowRateLimiter:
    return _of_redis(tk.config["ckan.redis.url"])


@cache
def _of_redis(url: str) -> FixedWindowRateLimiter:
    pool = connect_to_redis().connection_pool
    return FixedWindowRateLimiter(RedisStorage("redis://", connection_pool=pool, key_prefix=PREFIX))


@cache
def _memory() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())


def _key(what: str, who: tuple[str, ...]) -> str:
    return ":".join((PREFIX, _site(), what, *who))


def _site() -> str:
    return tk.config["ckan.site_id"]


FOR_READERS, FOR_EDITORS = 2, 3
"""Threads of one process that may wait when anybody asks, and when somebody who describes datasets
or logs in asks."""
RETRY_SECONDS = 1
_lock = Lock()
_waiting = 0


class NoPlaceError(Exception):
    """As many threads wait as may wait."""


@contextmanager
def place(most: int) -> Iterator[None]:
    """Let this thread wait for another server within the block.

    Args:
        most: threads of this process that may wait then, this one included.

    Raises:
        NoPlaceError: so many wait already.
    """
    global _waiting  # noqa: PLW0603 - of the process
    with _lock:
        if _waiting >= most:
            raise NoPlaceError
        _waiting += 1
    try:
        yield
    finally:
        with _lock:
            _waiting -= 1
