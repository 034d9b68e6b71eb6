"""One stage of a catalogue's way into the access desk, out of it and in again: a CKAN of its own each time.

    python -m ckanext.ecosphere.tests.in_and_out.stages NAME CKAN.INI FOLDER

Each stage is a process with one configuration, on the same database, core and storage; what it saw goes to a JSON file
in the folder, which `test_in_and_out.py` compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

NUMBER = 200
PASSWORD = "Lac-bleu-2024"
ADMIN = "martine"
PEOPLE = {
    "author": "Jean Dupont",
    "author_email": "jean.dupont@ain.example.org",
    "maintainer": "Unité SIG",
    "maintainer_email": "sig@ain.example.org",
}
LICENCES = ("cc-by", "odc-odbl", "other-open", "uk-ogl", "notspecified", "odc-by", "cc-nc", None)


class Portal:
    """A CKAN in this process, used as a person and a program use it."""

    def __init__(self, ini: str) -> None:
        from ckan.cli import load_config
        from ckan.config.middleware import make_app
        from ckan.tests.helpers import CKANTestApp

        self.app = make_app(load_config(ini))
        self.http = CKANTestApp(self.app)
        self.token = ""

    def log_in(self) -> None:
        """Log in as a person does; the session lives in a cookie."""
        self.http.post("/user/login", data={"login": ADMIN, "password": PASSWORD}, status=200)

    def api(self, action: str, status: int = 200, **data: Any) -> Any:
        """Call the API with a token, and nothing but the token."""
        self.http.client.delete_cookie("ckan")
        answer = self.http.post(
            f"/api/action/{action}", json=data, headers={"Authorization": self.token}, status=status
        )
        self.headers = answer.headers
        body = json.loads(answer.body)
        return body.get("result", body.get("error"))

    def status(self, path: str) -> int:
        """Return the status of a page, as the one who is logged in."""
        return self.http.get(path, follow_redirects=False).status_code

    def form(self, path: str, form: str) -> dict[str, list[str]]:
        """Return what a browser would send of a form: single-line fields lose line breaks, texts get CRLF."""
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
        """Post a form with some changes; returns the page that follows."""
        sent = {**values, **{name: [value] for name, value in changes.items()}, "save": [""]}
        answer = self.http.post(path, data=sent, follow_redirects=False)
        assert answer.status_code == 302, BeautifulSoup(answer.body, "html.parser").get_text(" ", strip=True)[:2000]
        return answer.headers["Location"]

    def command(self, *words: str) -> str:
        """Run `ckan …` in this process."""
        from ckan.cli.cli import ckan
        from click.testing import CliRunner

        class Runner(CliRunner):
            def invoke(self, cli: Any, args: Any = None, **options: Any) -> Any:
                return super().invoke(cli, args, obj=None, **options)

        result = Runner().invoke(ckan, ["-c", self.app.app.config["__file__"], *words], prog_name="ckan")
        assert result.exit_code == 0, (words, result.output, result.exception)
        return result.output


def before(portal: Portal, seen: dict[str, Any]) -> None:
    """A plain CKAN with a catalogue: core fields, free fields, keywords, groups, licences of CKAN's list."""
    import ckan.lib.search as search
    import ckan.plugins.toolkit as tk
    from ckan import model

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
        resource = model.Resource(url=f"https://example.org/{number}.csv", format="CSV", name="Données")
        package.resources_all.append(resource)
        model.Session.add(package)
        model.Session.flush()
        link = model.PackageTag()
        link.package_id, link.tag = package.id, tag
        model.Session.add(link)
        for each, capacity in ((group, "public"), (service, "organization")):
            model.Session.add(
                model.Member(group=each, table_id=package.id, table_name="package", capacity=capacity, state="active")
            )
    model.Session.commit()
    search.clear_all()
    search.rebuild(quiet=True, defer_commit=True)
    search.commit()
    with portal.app.test_request_context() if hasattr(portal.app, "test_request_context") else _request(portal):
        made = tk.get_action("api_token_create")({"ignore_auth": True, "user": ADMIN}, {"user": ADMIN, "name": "test"})
    portal.token = seen["token"] = made["token"]
    seen["show"] = shown(portal)
    portal.log_in()
    seen["page"] = portal.http.get("/dataset/avant-000").body


def _request(portal: Portal) -> Any:
    return portal.http.flask_app.test_request_context()


def shown(portal: Portal) -> dict[str, Any]:
    """Return every dataset as the API shows it, by name."""
    names = portal.api("package_list")
    return {name: portal.api("package_show", id=name) for name in sorted(names)}
