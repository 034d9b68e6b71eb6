"""Actions on batches: one question put to several services."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests import batches, dictize, throttle
from ckanext.ecosphere.data_requests.logic import auth, schema


@tk.side_effect_free
@tk.validate_action_data(schema.by_id)
def ecosphere_request_batch_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the requests of one question put to several services that the user may read.

    Args:
        id (str): id or reference of one of them.

    Returns:
        dict: `title`; `parts`, each as returned by `ecosphere_request_list`, with the `datasets` and `deliveries` that
        answer it; `may_grow`: whether the user may put the question to other services; `most`: maximum number of
        services.

    Raises:
        NotFound: there is no such request, or the user may not read it.
    """
    tk.check_access("ecosphere_request_batch_show", context, data_dict)
    request, reader = auth.readable(context, data_dict["id"])
    return {
        "title": request.title,
        "parts": batches.shown(request, reader),
        "may_grow": dictize.may_ask_more(request, reader),
        "most": batches.MOST,
    }


@tk.validate_action_data(schema.batch_add)
def ecosphere_request_batch_add(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Put the question of a request to other services: each gets a request of its own, and answers it independently.

    All of them are asked, or none.

    Args:
        id (str): id or reference of the request.
        organizations (list): names or ids of the services.

    Returns:
        dict: as `ecosphere_request_batch_show`.

    Raises:
        NotFound: there is no such request, or the user may not read it; or there is no such service.
        NotAuthorized: the user is not the requester.
        ValidationError: no service is given, there are too many, one was already asked; or too many requests today.
    """
    tk.check_access("ecosphere_request_batch_add", context, data_dict)
    request, reader = auth.readable(context, data_dict["id"])
    groups = list({group.id: group for group in map(auth.organization, data_dict["organizations"])}.values())
    for _each in groups:
        throttle.request_made(reader)
    batches.grow(reader, request.id, groups)
    return ecosphere_request_batch_show(context, {"id": request.id})
