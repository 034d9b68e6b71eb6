"""API tokens that may do less than their person: scope and last day, kept in the row of the token.

A request with a narrowed token is looked at twice: at its action or page, and, for a token of one
service, at each dataset that it is about to write, whatever led there.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.common import _
from ckan.types import Context, DataDict, FlattenDataDict, FlattenErrorDict, FlattenKey, Schema
from flask import Blueprint, g, has_request_context, request
from sqlalchemy.orm import attributes

from ckanext.ecosphere.shared import dates, once
from ckanext.ecosphere.shared.web_guard import csrf
from ckanext.ecosphere.shared.web_guard.incoming import matches, refuse, tables

KEY = "ecosphere_credentials"
ALL, READ, SERVICE = "all", "read", "service"
ACTION, REFUSED = "api.action", "Authorization Error"
#: Actions with side effects for which a token of one service is good.
OF_A_SERVICE = frozenset(
    f"{kind}_{verb}"
    for kind in ("package", "resource", "harvest_source")
    for verb in ("create", "update", "patch", "delete")
)
#: Actions that pass for reading, and write: the index is made anew for as many datasets as a source
#: has.
NOT_READING = frozenset({"harvest_source_reindex"})

blueprint = Blueprint("ecosphere_token_scopes", __name__)


def ecosphere_token_scopes() -> dict[str, str]:
    """Return the scopes with their names."""
    return {
        ALL: _("All that its person may do"),
        READ: _("Read only"),
        SERVICE: _("Read, and change the datasets of one service"),
    }


def extend(schema: Schema) -> Schema:
    """Add scope, service and last day to the parameters of `api_token_create`.

    Without them, all is as before.
    """
    one_of: Any = tk.get_validator("one_of")
    default: Any = tk.get_validator("default")
    schema["scope"] = [default(ALL), one_of([ALL, READ, SERVICE])]
    schema["service"] = [_service_of_scope]
    schema["expires"] = [tk.get_validator("ignore_empty"), _last_day]
    return schema


def keep(token_id: str, data_dict: DataDict) -> None:
    """Keep the scope of a new token."""
    token = model.ApiToken.get(token_id)
    scope = {name: data_dict.get(name) or "" for name in ("scope", "service", "expires")}
    token.set_extra(KEY, scope, commit=True)  # pyright: ignore[reportOptionalMemberAccess]


def remember(token_id: Any) -> None:
    """Remember the scope of the token that authenticates this request."""
    token = model.ApiToken.get(token_id)
    if token and has_request_context():
        g.ecosphere_token = (token.plugin_extras or {}).get(KEY)


def listen() -> None:
    """Look at each dataset that is written; repeated calls have no effect."""
    once.listen(model.Session, before_flush=_keep_to_service)


@blueprint.before_app_request
def refuse_beyond_scope() -> None:
    """Refuse a request with a token that is too old for it, or does not allow it.

    Raises:
        Forbidden: with a sentence that names the scope or the last day.
    """
    if not tk.current_user.is_authenticated:
        return  # asking identifies the person, and the token with them
    scope = g.get("ecosphere_token")
    if not scope:
        return
    if scope["expires"] and scope["expires"] < dates.today().isoformat():
        sentence = _("This API token was good until {date}: make a new one.")
        refuse(403, sentence.format(date=scope["expires"]), REFUSED)
    if scope["scope"] != ALL and not _is_allowed(scope):
        refuse(403, _beyond(scope), REFUSED)


def _is_allowed(scope: DataDict) -> bool:
    if request.endpoint == ACTION:
        action = str((request.view_args or {}).get("logic_function"))
        reads = csrf.reads_only() and action not in NOT_READING
        return reads or (scope["scope"] == SERVICE and action in OF_A_SERVICE)
    changes = matches(request.endpoint, tables().changing_by_get)
    return request.method in csrf.SAFE_METHODS and not changes


def _keep_to_service(db: Any, _context: Any, _instances: Any) -> None:
    """Refuse to write a dataset that is not of the token's service, or would leave it.

    Raises:
        NotAuthorized: nothing is written.
    """
    scope = None
    if has_request_context():
        scope = g.get("ecosphere_token")
    if not scope or scope["scope"] != SERVICE:
        return
    services = set()
    rows = [*db.new, *db.dirty, *db.deleted]
    for row in rows:
        package = row
        if isinstance(row, model.Resource):
            package = model.Package.get(row.package_id)
        if isinstance(package, model.Package):
            services.update(attributes.get_history(package, "owner_org").sum())
    if services - {scope["service"]}:
        for row in rows:
            if row in db:
                db.expunge(row)  # a commit that is under way cannot be rolled back here
        raise tk.NotAuthorized(_beyond(scope))


def _beyond(scope: DataDict) -> str:
    if scope["scope"] == READ:
        return _("The scope of this API token is “read only”: it changes nothing.")
    service: Any = model.Group.get(scope["service"])
    sentence = _("The scope of this API token are the datasets of the service “{service}”.")
    return sentence.format(service=service.display_name)


def _service_of_scope(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Replace the name of the service by its id; without the scope of a service, there is none.

    Raises:
        Invalid: there is no such service, or the token's person may not change its datasets.
    """
    name = data.pop(key, None)
    if data.get(("scope",)) != SERVICE:
        return
    service, person = model.Group.get(str(name)), model.User.get(data[("user",)])
    may_change = authz.has_user_permission_for_group_or_org
    if service and person and may_change(service.id, person.name, "create_dataset"):
        data[key] = service.id
    else:
        raise tk.Invalid(_("Choose a service whose datasets you may change."))


def _last_day(value: Any) -> str:
    """Return a date in the form of ISO 8601.

    Raises:
        Invalid: it is none, or a past one.
    """
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        raise tk.Invalid(_("Give a date: year-month-day.")) from None
    if day < dates.today():
        raise tk.Invalid(_("Give a date to come."))
    return day.isoformat()


def ecosphere_token_scope(token: DataDict) -> DataDict:
    """Return the name of the scope of a token and its last day, "" without one.

    Tokens of before may do all.
    """
    row: Any = model.ApiToken.get(token["id"])
    scope = (row.plugin_extras or {}).get(KEY) or {"scope": ALL, "expires": ""}
    label = ecosphere_token_scopes()[scope["scope"]]
    service = model.Group.get(scope.get("service"))
    if service is not None:
        label = f"{label} – {service.display_name}"
    return {"label": label, "expires": scope["expires"]}


HELPERS = {
    "ecosphere_token_scopes": ecosphere_token_scopes,
    "ecosphere_token_scope": ecosphere_token_scope,
}
