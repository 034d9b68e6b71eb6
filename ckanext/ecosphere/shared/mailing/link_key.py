"""The key that signs links and reply addresses of e-mails: in the database, not in the configuration.

What these links do needs no log-in, so whoever knows the key could act for others. The file with `SECRET_KEY` may be
read by mistake, and the key in it must then be changed: links of e-mails that were sent before stay good.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

NAME = "ecosphere.link_key"
BYTES = 32


def get() -> str:
    """Return the key; the first call of a portal makes it."""
    return _stored() or _made()


def _stored() -> str | None:
    return model.Session.scalar(
        sa.select(model.SystemInfo.value).where(model.SystemInfo.key == NAME)
    )


def _made() -> str:
    """Make the key in a transaction of its own, since a link may leave before the caller commits."""
    row = {"key": NAME, "value": secrets.token_urlsafe(BYTES), "state": model.State.ACTIVE}
    with model.ensure_engine().begin() as connection:
        connection.execute(insert(model.SystemInfo).values(row).on_conflict_do_nothing())
        return connection.execute(
            sa.select(model.SystemInfo.value).where(model.SystemInfo.key == NAME)
        ).scalar_one()
