"""What the suite notes of an account, in its `plugin_extras`: CKAN takes them from administrators alone."""

from __future__ import annotations

from typing import Any

from ckan import model


def keep(user_id: str, key: str, record: Any) -> None:
    """Write a note, or remove it, under a lock of the row: others keep things beside it.

    Args:
        user_id: id of the account.
        key: name of the note.
        record: what JSON can hold; None removes the note.
    """
    rows = model.Session.query(model.User).filter_by(id=user_id).populate_existing().with_for_update()
    user = rows.one()
    rest = {name: value for name, value in (user.plugin_extras or {}).items() if name != key}
    user.plugin_extras = {**rest, key: record} if record else rest
    model.Session.commit()
