"""References of requests: numbers of a year, given in a keyed pseudo-random order.

A plain sequence would reveal the order in which requests came in and so, compared with the list of accounts, who made
them. The permutation is a Feistel network (Luby and Rackoff) keyed with the portal's secret, iterated until the result
falls into the block (cycle walking): each number of a block is given exactly once.
"""

from __future__ import annotations

import hashlib
import hmac

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.model import Numbering, Request

BLOCK = 100_000
HALF_BITS = 9
HALF = 1 << HALF_BITS
ROUNDS = 6


def next_reference(year: int) -> str:
    """Return an unused reference of a year; safe under concurrent calls."""
    while True:
        reference = f"DD-{year}-{permuted(_next_number(year), year, config.secret()):05}"
        taken = sa.exists().where(Request.reference == reference)
        if not model.Session.scalar(sa.select(taken)):
            return reference


def _next_number(year: int) -> int:
    first = insert(Numbering).values(year=year, last=1)
    query = first.on_conflict_do_update(index_elements=["year"], set_={"last": Numbering.last + 1}).returning(
        Numbering.last
    )
    return model.Session.execute(query).scalar_one()


def permuted(number: int, year: int, secret: str) -> int:
    """Map a number to another one of the same block of 100 000; the mapping is a bijection.

    Args:
        number: from 0.
        year: for which the order holds.
        secret: key of the order.
    """
    block, place = divmod(number, BLOCK)
    key = f"reference:{year}:{block}:{secret}".encode()
    place = _mixed(place, key)
    while place >= BLOCK:
        place = _mixed(place, key)
    return block * BLOCK + place


def _mixed(place: int, key: bytes) -> int:
    left, right = divmod(place, HALF)
    for turn in range(ROUNDS):
        digest = hmac.new(key, bytes((turn, *right.to_bytes(2, "big"))), hashlib.sha256).digest()
        left, right = right, left ^ int.from_bytes(digest[:2], "big") % HALF
    return left * HALF + right
