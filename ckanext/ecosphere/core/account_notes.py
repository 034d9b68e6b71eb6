"""Data of the suite in the `plugin_extras` of an account, which CKAN lets only sysadmins change."""

from __future__ import annotations

from typing import Any

from ckan import model


def keep(user_id: str, key: str, record: Any) -> None:
    """Write or remove a key under a row lock: other code keeps keys beside it.

    Args:
        user_id: id of the account.
        key: key in `plugin_extras`.
        record: a JSON value; an empty one removes the key.
    """
    rows = model.Session.query(model.User).filter_by(id=user_id).populate_existing().with_for_update()
    user = rows.one()
    rest = {name: value for name, value in (user.plugin_extras or {}).items() if name != key}
    user.plugin_extras = {**rest, key: record} if record else rest
    model.Session.commit()
