"""Pages of the room: quality and badge of a dataset, comparison of services, dashboards."""

from __future__ import annotations

from typing import Any, NoReturn

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.lib.navl.dictization_functions import DataError, unflatten
from ckan.lib.pagination import Page
from ckan.logic import clean_dict, parse_params, tuplize_dict
from ckan.types import DataDict
from flask import Blueprint, Response, abort, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core import pages
from ckanext.ecosphere.quality import config, figures, helpers, overview, store
from ckanext.ecosphere.quality.figures import Scope
from ckanext.ecosphere.shared import web_guard

LINKS_A_PAGE = 100
ecosphere_quality = Blueprint("ecosphere_quality", __name__)
web_guard.protect(ecosphere_quality)


def visible_dataset(id: str) -> DataDict:
    """Return the dataset `id`; abort with 404 if the reader may not see it."""
    try:
        dataset = pages.act("package_show", id=id)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        tk.abort(404, _("Dataset not found"))
    if not store.is_scored(dataset["type"]):
        tk.abort(404, _("Dataset not found"))
    return dataset


def dataset_page(id: str) -> str:
    """Show every criterion of a dataset, with advice about the failed ones."""
    package = visible_dataset(id)
    quality = pages.act("ecosphere_quality_show", id=package["id"], origins=True)
    links = pages.act("ecosphere_quality_links", id=package["id"])
    page = Page(
        links,
        page=tk.h.get_page_number(request.args),
        item_count=len(links),
        items_per_page=LINKS_A_PAGE,
        url=tk.h.pager_url,
    )
    variables = {
        "pkg_dict": package,
        "dataset_type": package["type"],
        "quality": quality,
        "page": page,
    }
    return tk.render("ecosphere_quality/dataset.html", variables)


def dataset_badge(id: str) -> AnyResponse:
    """Return the badge of a dataset as SVG, with an ETag."""
    package = visible_dataset(id)
    stored = model.Package.get(package["id"])
    if stored is None:
        tk.abort(404)
    badge = helpers.quality(stored).badge
    variables = {"badge": badge, "label": helpers.level_label(badge.level)}
    image = tk.render("ecosphere_quality/snippets/badge_image.html", variables)
    response = Response(image, mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    if package["private"] or package["state"] != model.State.ACTIVE:
        request.environ["__no_cache__"] = True
        response.cache_control.no_store = True
        return response
    response.add_etag()
    return response.make_conditional(request)


def recheck(id: str) -> AnyResponse:
    """Queue a check of the links of a dataset, then show its quality."""
    package = visible_dataset(id)
    try:
        answer = pages.act("ecosphere_quality_recheck", id=package["id"])
    except tk.NotAuthorized:
        tk.abort(404, _("Dataset not found"))
    if answer["queued"]:
        tk.h.flash_success(
            _("The links are being checked: their state appears here in a few minutes.")
        )
    else:
        tk.h.flash_notice(
            _("The links were checked a moment ago: wait five minutes before the next time.")
        )
    return tk.redirect_to("ecosphere_quality.dataset_page", id=package["name"])


def preview_fragment() -> str:
    """Show how the score would change with the current form values.

    Requested by the form's script during input.
    """
    try:
        # As CKAN's own view does.
        data = clean_dict(unflatten(tuplize_dict(parse_params(request.form))))
    except DataError:
        tk.abort(400, _("The form contains an unknown field. Open the page again."))
    if isinstance(data.get("tag_string"), str):
        names = (name.strip() for name in data["tag_string"].split(","))
        data["tags"] = [{"name": name} for name in names if name]
    package_id = data.pop("pkg_name", "") or data.get("id", "")
    name = request.args.get("id") or package_id
    try:
        preview = pages.act("ecosphere_quality_preview", id=name, dataset=data)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        tk.abort(404, _("Dataset not found"))
    return tk.render("ecosphere_quality/snippets/preview.html", {"preview": preview})


def overview_page() -> str:
    """Compare the services, themes and territories, in the requested order.

    Public datasets only.
    """
    figures = pages.act("ecosphere_quality_overview")
    order = overview.order_of(request.args, config.model().level_codes)
    variables = {"overview": figures, "tables": overview.in_order(figures, order), "order": order}
    return tk.render("ecosphere_quality/overview.html", variables)


def overview_csv() -> Response:
    """Return a table of figures as CSV.

    The parameter `table` names it: services (default), themes, territories, evolution or losses.
    """
    name = request.args.get("table", "services")
    if name not in overview.CSV_TABLES:
        tk.abort(404, _("There is no such table."))
    figures = pages.act("ecosphere_quality_overview")
    return pages.file(overview.CSV_TABLES[name](figures), "text/csv", f"qualite-{name}.csv")


def overview_json() -> Response:
    """Return all figures of the page as JSON."""
    return pages.json_response(pages.act("ecosphere_quality_overview"))


def visible_dashboard(id: str) -> DataDict:
    """Return the figures of the organisation `id`.

    Anonymous visitors are sent to the log-in page.
    """
    criterion = request.args.get("criterion", "")
    try:
        return pages.act("ecosphere_quality_dashboard", id=id, criterion=criterion)
    except tk.ValidationError:
        tk.abort(404, _("There is no such criterion."))
    except tk.ObjectNotFound:
        tk.abort(404, _("Organization not found"))
    except tk.NotAuthorized:
        refuse_dashboard(id)


def refuse_dashboard(id: str) -> NoReturn:
    """Redirect anonymous visitors to the log-in page, and refuse others.

    404 for a deleted service.
    """
    group = model.Group.get(id)
    if group is None or group.state != model.State.ACTIVE:
        tk.abort(404, _("Organization not found"))
    if not tk.current_user.is_authenticated:
        came_from = request.full_path.rstrip("?")
        login: Any = tk.redirect_to("user.login", came_from=came_from)
        abort(login)
    tk.abort(403, _("The dashboard of a service is for those who work for it."))


def dashboard_page(id: str) -> str:
    """Show the figures of a service, and what would improve them most."""
    dashboard = visible_dashboard(id)
    service = dashboard["organization"]["id"]
    group = pages.act("organization_show", id=service, include_users=False, include_followers=False)
    variables = {"dashboard": dashboard, "group_dict": group, "group_type": group["type"]}
    return tk.render("ecosphere_quality/dashboard.html", variables)


def dashboard_csv(id: str) -> Response:
    """Return a CSV row for each dataset of the service."""
    organization = visible_dashboard(id)["organization"]
    scope = Scope(organization=organization["id"], private=True)
    content = overview.datasets(figures.each_dataset(scope))
    return _private(pages.file(content, "text/csv", f"qualite-{organization['name']}.csv"))


def dashboard_json(id: str) -> Response:
    """Return all figures of the dashboard as JSON."""
    return _private(pages.json_response(visible_dashboard(id)))


def _private(response: Response) -> Response:
    request.environ["__no_cache__"] = True
    response.cache_control.no_store = True
    return response


for path, view in (
    ("/dataset/<id>/qualite", dataset_page),
    ("/dataset/<id>/qualite.svg", dataset_badge),
    ("/qualite", overview_page),
    ("/qualite.csv", overview_csv),
    ("/qualite.json", overview_json),
    ("/organization/<id>/tableau-de-bord", dashboard_page),
    ("/organization/<id>/tableau-de-bord.csv", dashboard_csv),
    ("/organization/<id>/tableau-de-bord.json", dashboard_json),
):
    ecosphere_quality.add_url_rule(path, view_func=view)
ecosphere_quality.add_url_rule("/dataset/<id>/qualite/liens", view_func=recheck, methods=["POST"])
ecosphere_quality.add_url_rule("/qualite/apercu", view_func=preview_fragment, methods=["POST"])
