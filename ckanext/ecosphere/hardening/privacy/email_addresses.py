"""Defect 24: an e-mail address belongs to one account only, by exact comparison.

CKAN compares with ILIKE, in which "%" and "_", both allowed in addresses, are wildcards: other people's addresses could
be found out letter by letter, and "a_b@…" is refused beside "acb@…". Not yet accepted.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey

from ckanext.ecosphere.hardening.web import log_in


def email_is_unique(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Replace CKAN's validator of the same name, without wildcards and with a rate limit.

    Raises:
        Invalid: the address belongs to another account, or the rate limit is exceeded.
    """
    address = str(data[key])
    query = sa.select(model.User.id, model.User.name).where(
        sa.func.lower(model.User.email) == address.lower(),
        model.User.state.in_(tk.config["ckan.user.unique_email_states"]),
    )
    holders = model.Session.execute(query).all()
    own = {data.get(("id",)), data.get(("name",))}
    if not holders or any({holder.id, holder.name} & own for holder in holders):
        return
    if too_often := log_in.count_taken_address():
        raise tk.Invalid(too_often)
    message = tk._("The email address '{email}' belongs to a registered user.")
    raise tk.Invalid(message.format(email=address.lower()))


def get_validators() -> dict[str, Any]:
    """Return the validators that replace CKAN's of the same name."""
    return {email_is_unique.__name__: email_is_unique}
