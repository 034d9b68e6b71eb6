"""Stages of a catalogue that enables the plugins, disables them, and enables them again: a CKAN of
its own for each.

    python -m ckanext.ecosphere.tests.in_and_out.stages FOLDER NAME CKAN.INI [NAME CKAN.INI …]

Each stage is a forked process with its own configuration, which has not loaded any plugin, on the
same database, core and storage. Its observations are written to a JSON file in the folder, which
`test_in_and_out.py` compares.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

NUMBER = 200
#: Number of datasets in the group: they are indexed one by one.
IN_GROUP = 10
PASSWORD = "Lac-bleu-2024"
ADMIN = "martine"
PEOPLE = {
    "author": "Jean Dupont",
    "author_email": "jean.dupont@ain.example.org",
    "maintainer": "Unité SIG",
    "maintainer_email": "sig@ain.example.org",
}
#: Pages on which CKAN lists datasets, including deleted ones and activities.
PAGES = (
    "/",
    "/dataset/",
    "/dataset/avant-050",
    "/dataset/edit/avant-050",
    "/dataset/activity/avant-050",
    "/organization/",
    "/organization/ddt-01",
    "/group/",
    "/user/martine",
    "/dashboard/",
    "/ckan-admin/trash",
    "/feeds/dataset.atom",
)
LICENCES = ("cc-by", "odc-odbl", "other-open", "uk-ogl", "notspecified", "odc-by", "cc-nc", None)


#: Pages of a dataset that existed before and is not adopted yet, with fields that plain CKAN stores
#: as free text.
OLD_PAGES = (
    "/dataset/",
    "/fr/dataset/?q=avant",
    "/dataset/avant-007",
    "/fr/dataset/avant-007",
    "/dataset/edit/avant-007",
    "/dataset/resources/avant-007",
    "/dataset/avant-007/iso19139.xml",
    "/dataset/avant-007/schemaorg.jsonld",
    "/dataset/avant-007.ttl",
    "/catalog.xml",
    "/catalogue.csv",
    "/feeds/dataset.atom",
    "/organization/ddt-01",
    "/group/inondations",
    "/qualite",
    "/demandes",
    "/tableau-de-bord",
    "/api/3/action/package_show?id=avant-007",
)


class Portal:
    """A CKAN in this process, used through pages and through the API."""

    def __init__(self, ini: str) -> None:
        from ckan.cli import load_config
        from ckan.config.middleware import make_app
        from ckan.tests.helpers import CKANTestApp

        self.app = make_app(load_config(ini))
        self.http = CKANTestApp(self.app)
        self.token = ""

    def log_in(self) -> None:
        """Log in through the form, with a session cookie."""
        self.http.post("/user/login", data={"login": ADMIN, "password": PASSWORD}, status=200)

    def api(self, action: str, expected: int = 200, **data: Any) -> Any:
        """Call the API with a token only."""
        self.http.client.delete_cookie("ckan")
        answer = self.http.post(
            f"/api/action/{action}", json=data, headers={"Authorization": self.token}
        )
        assert answer.status_code == expected, (action, answer.body[:2000])
        self.headers = answer.headers
        body = json.loads(answer.body)
        return body.get("result", body.get("error"))

    def status(self, path: str) -> int:
        """Return the status of a page, as the logged-in user."""
        return self.http.get(path, follow_redirects=False).status_code

    def form(self, path: str, form: str) -> dict[str, list[str]]:
        """Return what a browser would send of a form: single-line fields lose line breaks,
        texts get CRLF.
        """
        page = BeautifulSoup(self.http.get(path, status=200).body, "html.parser")
        found: Any = page.find("form", id=form)
        values: dict[str, list[str]] = {}
        for template in found.find_all("template"):
            template.decompose()
        for field in found.select("input[name]:not([type=file]):not([type=submit]), textarea"):
            if field.get("type") in ("checkbox", "radio") and not field.has_attr("checked"):
                continue
            if field.name == "textarea":
                text = field.text.removeprefix("\n").replace("\r\n", "\n").replace("\n", "\r\n")
            else:
                text = field.get("value", "")
                if field.get("type", "text") != "hidden":
                    text = text.replace("\n", "").replace("\r", "")
            values.setdefault(field["name"], []).append(text)
        for select in found.select("select[name]"):
            chosen = select.select("option[selected]") or select.select("option")[:1]
            values.setdefault(select["name"], []).extend(each.get("value", "") for each in chosen)
        return values

    def send(self, path: str, values: dict[str, list[str]], **changes: str) -> str:
        """Submit a form with some changes; return the page that follows."""
        sent = {**values, **{name: [value] for name, value in changes.items()}, "save": [""]}
        answer = self.http.post(path, data=sent, follow_redirects=False)
        assert answer.status_code == 302, BeautifulSoup(answer.body, "html.parser").get_text(
            " ", strip=True
        )[:2000]
        return answer.headers["Location"]

    def command(self, *words: str) -> str:
        """Run `ckan ecosphere …` in this process, with the existing application."""
        import click
        from click.testing import CliRunner

        from ckanext.ecosphere.cli import ecosphere

        @click.group(commands={"ecosphere": ecosphere})
        @click.pass_context
        def ckan(context: click.Context) -> None:
            context.meta["flask_app"] = self.http.flask_app

        result = CliRunner().invoke(ckan, ["ecosphere", *words])
        assert result.exit_code == 0, (words, result.output, result.exception)
        return result.output


def before(portal: Portal, seen: dict[str, Any]) -> None:
    """Fill a plain CKAN with a catalogue: core fields, free fields, keywords, groups,
    licences of CKAN's list.
    """
    import ckan.plugins.toolkit as tk
    import sqlalchemy as sa
    from ckan import model
    from ckan.lib import search

    if not model.Session.execute(sa.text("SELECT to_regclass('package')")).scalar():
        model.repo.init_db()
    user = model.User(name=ADMIN, password=PASSWORD, email="martine@example.org", sysadmin=True)
    service = model.Group(name="ddt-01", title="DDT 01", type="organization", is_organization=True)
    group = model.Group(name="inondations", title="Inondations", type="group")
    model.Session.add_all([user, service, group])
    model.Session.flush()
    tag = model.Tag("crue")
    model.Session.add(tag)
    for number in range(NUMBER):
        package = model.Package(
            name=f"avant-{number:03}", title=f"Avant {number}", notes="Deux\nlignes.", type="dataset",
            owner_org=service.id, license_id=LICENCES[number % len(LICENCES)], creator_user_id=user.id,
            extras={"Cote": f"C{number}", "frequency": "de temps en temps", "contact": "Voir le service"},
            **PEOPLE,
        )  # fmt: skip
        resource = model.Resource(
            url=f"https://example.org/{number}.csv", format="CSV", name="Données"
        )
        package.resources_all.append(resource)
        model.Session.add(package)
        model.Session.flush()
        model.Session.add(model.PackageTag(package=package, tag=tag))
        for each, capacity in ((group, "public"), (service, "organization"))[number >= IN_GROUP :]:
            model.Session.add(
                model.Member(
                    group=each,
                    table_id=package.id,
                    table_name="package",
                    capacity=capacity,
                    state="active",
                )
            )
    model.Session.commit()
    search.clear_all()
    search.rebuild(quiet=True, defer_commit=True)
    search.commit()
    with portal.http.flask_app.test_request_context():
        made = tk.get_action("api_token_create")(
            {"ignore_auth": True, "user": ADMIN}, {"user": ADMIN, "name": "test"}
        )
    portal.token = seen["token"] = made["token"]
    seen["show"] = shown(portal)
    portal.log_in()
    seen["page"] = portal.http.get("/dataset/avant-000").body


def shown(portal: Portal) -> dict[str, Any]:
    """Return every dataset as returned by the API, by name."""
    found = portal.api("package_search", rows=1000, include_private=True)
    return {each["name"]: each for each in found["results"] if each["type"] == "dataset"}


def inside(portal: Portal, seen: dict[str, Any]) -> None:
    """Enable the plugins on that catalogue: set-up, adoption, saves.

    Then fill every field, and leave.
    """
    seen["init"] = portal.command("init", "--lang", "en")
    portal.log_in()
    seen["old page"] = portal.http.get("/dataset/avant-007", status=200).body
    seen["old answers"] = {path: portal.status(path) for path in OLD_PAGES}
    seen["check"] = _check(portal)
    seen["dry run"] = portal.command("adopt", "--lang", "en", "--dry-run")
    seen["adopt"] = portal.command("adopt", "--lang", "en", "--yes")
    seen["adopted"] = shown(portal)
    seen["again"] = portal.command("adopt", "--lang", "en", "--yes")
    # Changes of datasets through the form, with their names, and through the API.
    portal.log_in()
    values = portal.form("/dataset/edit/avant-001", "dataset-edit")
    seen["form names"] = sorted(values)
    portal.send("/dataset/edit/avant-001", values, title="Changé", private="True")
    portal.api("package_patch", id="avant-002", title="Changé", private=True)
    sparse = {
        "id": "avant-003",
        "name": "avant-003",
        "title": "Changé",
        "owner_org": "ddt-01",
        "private": True,
    }
    portal.api("package_update", **sparse)
    seen["saved"] = {
        f"avant-00{n}": portal.api("package_show", id=f"avant-00{n}") for n in (1, 2, 3)
    }
    seen["emptied"] = portal.api("package_patch", id="avant-003", author="", author_email="")
    portal.log_in()
    seen["page"] = portal.http.get("/dataset/avant-004", status=200).body
    seen["search"] = portal.http.get("/dataset/", status=200).body
    seen["group"] = portal.status("/group/inondations")
    _grace(portal, seen)
    _fill(portal)
    seen["show"] = shown(portal)
    seen["plan"] = portal.command(
        "leave", "--lang", "en", "--dry-run", "--export", str(portal.folder / "none.jsonl")
    )
    seen["after plan"] = (
        not (portal.folder / "none.jsonl").exists() and shown(portal) == seen["show"]
    )
    seen["leave"] = portal.command(
        "leave", "--lang", "en", "--yes", "--export", str(portal.folder / "export.jsonl")
    )


def _check(portal: Portal) -> str:
    from ckanext.ecosphere.schemas import adopting

    with portal.http.flask_app.test_request_context():
        return " ".join(f"{each.message} {each.remedy}" for each in adopting.check())


def _grace(portal: Portal, seen: dict[str, Any]) -> None:
    """Publish with a client of the former schema: refused, accepted with a warning,
    then refused again.
    """
    import ckan.plugins.toolkit as tk

    from ckanext.ecosphere.schemas.logic import publication

    old = {"title": "Programme", "owner_org": "ddt-01", "notes": "Un."}
    seen["refused"] = portal.api("package_create", 409, name="programme-0", **old)
    for number, day in enumerate(("2099-12-31", "2020-01-31", "demain"), start=1):
        tk.config["ecosphere.schemas.grace_until"] = day
        status = 200 if number == 1 else 409
        portal.api("package_create", status, name=f"programme-{number}", **old)
        seen[f"warning {day}"] = portal.headers.get("Warning", "")
        with portal.http.flask_app.test_request_context():
            seen[f"grace {day}"] = [each.status.value for each in publication.check_grace()]
    tk.config["ecosphere.schemas.grace_until"] = "2099-12-31"
    contradiction = {"created": "2024-01-01", "modified": "2020-01-01"}
    seen["contradiction"] = portal.api(
        "package_create", 409, name="programme-4", **old, **contradiction
    )
    portal.api("package_create", name="brouillon", private=True, **old)
    portal.log_in()
    values = portal.form("/dataset/edit/brouillon", "dataset-edit")
    seen["flash"] = portal.http.get(
        portal.send("/dataset/edit/brouillon", values, private="False")
    ).body
    tk.config["ecosphere.schemas.grace_until"] = ""


def _fill(portal: Portal) -> None:
    """Fill most datasets with every field of the schema, as saved ones have them; add a source."""
    import ckan.plugins.toolkit as tk
    import sqlalchemy as sa
    from ckan import model

    from ckanext.ecosphere.fast_save import documents
    from ckanext.ecosphere.schemas.logic.translations import following
    from ckanext.ecosphere.schemas.tests import samples

    full = samples.full(owner_org="ddt-01", private=True)
    full["provenance"] = "Premier paragraphe.\n\nSecond paragraphe."
    full["method"] = "é" * 20_000
    full["resources"] = [full["resources"][0]]
    with portal.http.flask_app.test_request_context():
        tk.get_action("package_create")(
            {"ignore_auth": True, "user": ADMIN}, full
        )  # without the rules for users
    package = model.Package.get(full["name"])
    file = package.resources[0]
    columns = {
        name: getattr(file, name)
        for name in ("hash", "mimetype", "size", "resource_type", "format")
    }
    short = {**package.extras, "method": "Courte."}
    for number in range(10, NUMBER):
        other = model.Package.get(f"avant-{number:03}")
        extras = package.extras if number < 20 else short
        own = {**other.extras, **extras, "identifier": f"urn:avant:{number}"}
        other.extras = own | {
            f"{name}_translated": following(own[f"{name}_translated"], getattr(other, name))
            for name in ("title", "notes")
        }
        held = file.extras | {
            f"{name}_translated": following(
                file.extras[f"{name}_translated"], getattr(other.resources[0], name)
            )
            for name in ("name", "description")
        }
        for name, value in {**columns, "extras": held}.items():
            setattr(other.resources[0], name, value)
    for number in range(10, 60):
        model.Package.get(f"avant-{number:03}").add_tag_by_name("cours d'eau")
    model.Session.commit()
    ids = list(
        model.Session.scalars(sa.select(model.Package.id).where(model.Package.type == "dataset"))
    )
    documents.index(ids)
    for name in ("source-active", "source-jetee"):
        portal.api(
            "harvest_source_create", name=name, title=name, url=f"http://127.0.0.1:9/{name}",
            source_type="ecosphere_csw", owner_org="ddt-01",
        )  # fmt: skip
    gone = model.Package.get("source-jetee")
    gone.state = "deleted"
    model.Session.commit()


def outside(portal: Portal, seen: dict[str, Any]) -> None:
    """Use a plain CKAN again: pages, a patch, an update, forms by name."""
    from ckan import model
    from ckan.lib import search

    portal.log_in()
    seen["pages"] = {path: portal.status(path) for path in PAGES}
    for (id_,) in model.Session.query(model.Package.id).filter_by(type="harvest").all():
        search.rebuild(id_)  # as `ckan search-index rebuild` does, for the sources only
    seen["pages"]["/dataset/?sort=name"] = portal.status("/dataset/?sort=name+desc")
    seen["show"] = shown(portal)
    portal.api("package_patch", id="avant-050", title="Renommé dehors")
    portal.api("package_patch", id="avant-012", title="Renommé dehors")
    portal.log_in()
    for name in ("avant-051", "avant-011"):
        path = f"/dataset/edit/{name}"
        portal.send(path, portal.form(path, "dataset-edit"), title="Renommé dehors")
    file = portal.api("package_show", id="avant-052")["resources"][0]["id"]
    portal.log_in()
    path = f"/dataset/avant-052/resource/{file}/edit"
    portal.send(path, portal.form(path, "resource-edit"), name="Renommé dehors")
    whole = portal.api("package_show", id="avant-053")
    portal.api("package_update", **{**whole, "extras": [], "title": "Renommé dehors"})
    fewer = [
        each
        for each in portal.api("package_show", id="avant-054")["extras"]
        if each["key"] != "method"
    ]
    changed = [
        {**each, "value": "Autrement."} if each["key"] == "provenance" else each for each in fewer
    ]
    broken = [{**each, "value": "Jean"} if each["key"] == "contact" else each for each in changed]
    portal.api("package_patch", id="avant-054", extras=broken, license_id="cc-by")
    portal.api(
        "package_create",
        name="nouveau-dehors",
        title="Né dehors",
        owner_org="ddt-01",
        author="Jean",
    )


def back(portal: Portal, seen: dict[str, Any]) -> None:
    """Enable the plugins again."""
    seen["init"] = portal.command("init", "--lang", "en")
    seen["init again"] = portal.command("init", "--lang", "en")
    seen["show"] = shown(portal)
    portal.log_in()
    seen["source"] = portal.status("/harvest/source-active")
    seen["page"] = portal.status("/dataset/avant-050")
    values = portal.form("/dataset/edit/avant-050", "dataset-edit")
    portal.send("/dataset/edit/avant-050", values)
    seen["resaved"] = portal.api("package_show", id="avant-050")


STAGES = {each.__name__: each for each in (before, inside, outside, back)}


def run(name: str, ini: str, folder: Path) -> None:
    """Run a stage, and write its observations."""
    portal = Portal(ini)
    portal.folder = folder
    tokens = folder / "before.json"
    if tokens.exists():
        portal.token = json.loads(tokens.read_text())["token"]
    seen: dict[str, Any] = {}
    STAGES[name](portal, seen)
    (folder / f"{name}.json").write_text(json.dumps(seen, ensure_ascii=False))


def main(folder: str, *stages: str) -> None:
    """Run stages one after the other, until one fails.

    Args:
        folder: folder for the observations.
        stages: the name of each stage, followed by its configuration file.
    """
    import ckan.cli.cli
    import ckan.tests.helpers  # noqa: F401 - read once, before the processes part

    for name, ini in zip(stages[::2], stages[1::2], strict=True):
        if pid := os.fork():
            _pid, status = os.waitpid(pid, 0)
            if code := os.waitstatus_to_exitcode(status):
                sys.exit(f"{name} ended with {code}")
            continue
        try:
            run(name, ini, Path(folder))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)


if __name__ == "__main__":
    from ckanext.ecosphere.tests.quick_loading import quickly

    with quickly():
        main(*sys.argv[1:])
