"""Actions of the room."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.access.logic import resources, schema
from ckanext.ecosphere.access.model import Service, now
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.services.kinds import recognise
from ckanext.ecosphere.shared import action_input


@tk.side_effect_free
@tk.validate_action_data(schema.service_show)
def ecosphere_access_service_show(context: Context, data_dict: dict[str, Any]) -> dict[str, Any]:
    """Return what the service behind a resource said of itself when it was last read; nothing is asked of it.

    Whoever may read the dataset may call it.

    Args:
        context: action context.
        data_dict: `resource_id`; `every_layer` (bool, default False): all layers, not only those of the resource.

    Returns:
        `kind` (wms, wmts, wfs, wcs, csw, atom, ogcapi, arcgis), `label`, `url` without parameters of an operation,
        `state` (unread, ok, closed, failed), `trouble` (a sentence), `failing_since`, `read_at`, `version`, `title`,
        `abstract`, `formats`, `limits` (features, width, height), `parts` of an OGC API, `layer_count`, `layers` (name,
        title, abstract, extent in degrees, crs, formats), `asked` (layer that the dataset names), `dead_layer` (the
        service does not have it).

    Raises:
        NotFound: no such resource, none that leads to a service, or one that the person may not read.
    """
    tk.check_access("ecosphere_access_service_show", context, data_dict)
    found = resources.readable(context, data_dict["resource_id"])
    service, layer = storage.of_resources([found.resource.id]).get(found.resource.id, (None, ""))
    if service is None:
        raise tk.ObjectNotFound(tk._("This resource leads to no service"))
    return presentation.shown(service, layer, found.names, data_dict["every_layer"])


@tk.validate_action_data(schema.service_read)
def ecosphere_access_service_read(context: Context, data_dict: dict[str, Any]) -> dict[str, Any]:
    """Have the service at an address read in the background, and return what is known of it: for the form.

    Call again while `state` is "unread". Whoever may describe datasets may call it.

    Args:
        context: action context.
        data_dict: `url`; `format` and `protocol` (optional), as the dataset gives them.

    Returns:
        as `ecosphere_access_service_show`, with all layers.

    Raises:
        NotAuthorized: the person may not describe datasets.
        ValidationError: the address does not look like that of a service.
    """
    tk.check_access("ecosphere_access_service_read", context, data_dict)
    address = recognise(data_dict["url"], data_dict["format"], data_dict["protocol"])
    if address is None:
        raise tk.ValidationError({"url": [tk._("This does not look like the address of a service.")]})
    row = {"key": address.key, "kind": address.kind, "url": address.url, "next_read_at": now()}
    added = model.Session.scalar(insert(Service).values(row).on_conflict_do_nothing().returning(Service.key))
    model.Session.commit()
    service = model.Session.get_one(Service, address.key)
    if added or service.tried_at is None:
        jobs.want_reading()
    return presentation.shown(service, address.layer, (), every=True)


def get_actions() -> dict[str, Any]:
    """Return the actions that the plugin registers."""
    own = (ecosphere_access_service_show, ecosphere_access_service_read)
    return action_input.checked({action.__name__: action for action in own})
