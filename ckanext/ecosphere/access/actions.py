"""API actions of services, extracts and usage counts."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import Context, DataDict, Schema, Validator, ValidatorFactory
from flask import has_request_context
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.access import config, jobs, turns, use
from ckanext.ecosphere.access.auth import readable, readable_extract
from ckanext.ecosphere.access.model import Service
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.take import extracts, form
from ckanext.ecosphere.dataset.services import service_at
from ckanext.ecosphere.shared import action_input, authorization
from ckanext.ecosphere.shared.action_input import action
from ckanext.ecosphere.shared.web_guard import rate_limits


@tk.validator_args
def service_show_schema(
    not_empty: Validator,
    unicode_safe: Validator,
    default: ValidatorFactory,
    boolean_validator: Validator,
) -> Schema:
    """Parameters of `ecosphere_access_service_show`."""
    return {
        "resource_id": [not_empty, unicode_safe],
        "every_layer": [default(False), boolean_validator],
    }


@tk.validator_args
def service_read_schema(
    not_empty: Validator, unicode_safe: Validator, default: ValidatorFactory
) -> Schema:
    """Parameters of `ecosphere_access_service_read`."""
    text = [default(""), unicode_safe]
    return {"url": [not_empty, unicode_safe], "format": text, "protocol": text}


@tk.validator_args
def extract_create_schema(
    not_empty: Validator,
    unicode_safe: Validator,
    default: ValidatorFactory,
    ignore_missing: Validator,
) -> Schema:
    """Parameters of `ecosphere_access_extract_create`."""
    text = [default(""), unicode_safe]
    return {
        "resource_id": [not_empty, unicode_safe],
        "layer": text,
        "format": [default("gpkg"), unicode_safe],
        "crs": text,
        "attributes": [ignore_missing],
        "territory": text,
        "commune": text,
        "epci": text,
        "box": text,
    }


@tk.validator_args
def id_schema(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Schema of actions with the single parameter `id`."""
    return {"id": [not_empty, unicode_safe]}


@tk.side_effect_free
@action(service_show_schema)
def ecosphere_access_service_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return the stored description of the service of a resource; no request is sent to it.

    Allowed for users who may read the dataset.

    Args:
        context: action context.
        data_dict: `resource_id`; `every_layer` (bool, default False): all layers, not only those of
            the resource.

    Returns:
        `kind` (wms, wmts, wfs, wcs, csw, atom, ogcapi, arcgis), `label`, `url` without parameters
        of an operation, `state` (unread, ok, closed, failed), `trouble` (a sentence),
        `failing_since`, `read_at`, `version`, `title`, `abstract`, `formats`, `limits` (features,
        width, height), `parts` of an OGC API, `layer_count`, `layers` (name, title, abstract,
        extent in degrees, crs, formats), `asked` (layer requested by the dataset), `dead_layer`
        (whether the service lacks that layer).

    Raises:
        NotFound: there is no such resource, it is not a service, or the user may not read it.
    """
    item = readable(context, data_dict["resource_id"])
    service, layer = storage.of_resources([item.resource.id]).get(item.resource.id, (None, ""))
    if service is None:
        raise tk.ObjectNotFound(_("This resource leads to no service"))
    return presentation.shown(service, layer, item.names, data_dict["every_layer"])


@action(service_read_schema)
def ecosphere_access_service_read(context: Context, data_dict: DataDict) -> DataDict:
    """Have the service at a URL read in the background, and return what is known of it.

    Used by the dataset form: call again while `state` is "unread". Allowed for users who may create
    datasets.

    Args:
        context: action context.
        data_dict: `url`; `format` and `protocol` (optional), as declared in the dataset.

    Returns:
        as `ecosphere_access_service_show`, with all layers.

    Raises:
        NotAuthorized: the user may not create datasets.
        ValidationError: the URL does not look like that of a service.
    """
    address = service_at(data_dict["url"], data_dict["format"], data_dict["protocol"])
    if address is None or not config.host_allowed(address.url):
        raise tk.ValidationError({"url": [_("This does not look like the address of a service.")]})
    row = {"key": address.key, "kind": address.kind, "url": address.url}
    added = model.Session.scalar(
        insert(Service).values(row).on_conflict_do_nothing().returning(Service.key)
    )
    model.Session.commit()
    service = model.Session.get_one(Service, address.key)
    if added or service.tried_at is None:
        jobs.READ.enqueue()
    return presentation.shown(service, address.layer, (), every=True)


@action(extract_create_schema)
def ecosphere_access_extract_create(context: Context, data_dict: DataDict) -> DataDict:
    """Export a part of a layer of a WFS or OGC API to a file, in the background.

    Allowed for users who may read the dataset; web requests are rate-limited
    (`ecosphere.access.extract_limits`).

    Args:
        context: action context.
        data_dict: `resource_id`; `layer` (default: the first of the resource); `format` (gpkg,
            geojson, csv, shp); `crs` (EPSG code, default EPSG:4326); `attributes` (list of names,
            default all); one of `territory` (id in the vocabulary of territories), `commune` or
            `epci` (code or name), and `box` (west,south,east,north in degrees), or everything.

    Returns:
        as `ecosphere_access_extract_show`.

    Raises:
        NotFound: there is no such resource, or the user may not read it.
        ValidationError: the service offers no features, a parameter is invalid, the rate limit is
            exceeded, or too many extracts wait.
    """
    item = readable(context, data_dict["resource_id"])
    asked = form.checked(item, data_dict)
    dataset = tk.get_action("package_show")({**context}, {"id": item.package.id})
    asked["notice"] = form.notice(dataset, asked)
    asked["warning"] = form.warning()
    try:
        # A study asks for several at once, which count as one.
        if has_request_context() and not context.get("ecosphere_same_request"):
            _count_extract(rate_limits.address())
            person = authorization.person(context)
            if person is not None:  # who may come from many addresses
                _count_extract(f"person:{person.id}")
    except rate_limits.TooMany as error:
        raise tk.ValidationError({"message": [rate_limits.too_often(error)]}) from error
    try:
        row = extracts.want(item.package.id, item.resource.id, asked)
    except turns.NoRoomError as error:
        sentence = _("Many extracts wait already. Try again in a few minutes.")
        raise tk.ValidationError({"message": [sentence]}) from error
    jobs.EXTRACT.enqueue()
    return form.shown(row)


def _count_extract(unit: str) -> None:
    rate_limits.hit("access-extract", config.limits(config.EXTRACT_LIMITS), unit, fallback=True)


@tk.side_effect_free
@action(id_schema)
def ecosphere_access_extract_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return the state of an extract. Allowed for users who know its id and may read the dataset.

    Args:
        context: action context.
        data_dict: `id` of the extract.

    Returns:
        `id`, `resource_id`, `state` (wanted, made, broken), `message` (a sentence), `asked`,
        `facts` (features, cut, size), `created`, `url` of the file when it is made.

    Raises:
        NotFound: there is no such extract, it was deleted after a day, or the user may not read the
            dataset.
    """
    return form.shown(readable_extract(context, data_dict["id"]))


@tk.side_effect_free
@action(id_schema)
def ecosphere_access_use_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return the usage counts of a dataset within a year; no data about users are stored.

    Allowed for users who may edit the dataset.

    Args:
        context: action context.
        data_dict: `id` or name of the dataset.

    Returns:
        `total`, `last_30_days`, `days` (day, count) and `resources` (resource_id, count).

    Raises:
        NotFound: there is no such dataset, or the user may not read it.
        NotAuthorized: the user may not edit it.
    """
    package = model.Package.get(data_dict["id"])
    if package is None:
        raise tk.ObjectNotFound(_("Dataset not found"))
    return use.of_dataset(package.id)


def get_actions() -> DataDict:
    """Return the actions that the plugin registers."""
    own = {name: item for name, item in globals().items() if name.startswith("ecosphere_access_")}
    return action_input.checked(own)
