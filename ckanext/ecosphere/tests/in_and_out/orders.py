"""Lead a plain CKAN's catalogue in and out of the plugins, in every order of what people may run,
and compare.

    python -m ckanext.ecosphere.tests.in_and_out.orders PLAIN.ini OURS.ini NUMBER

NUMBER operations in a row are walked in every order: with three, 144 operations contain each way
from one to another. A plain CKAN and one with the plugins run side by side, as two processes on the
same database and core. Whoever is not in force is not asked for pages, but an administrator may
still run the commands of the plugins after `leave`. Prints a table of the fields before and after;
the exit code is 1 if one is lost.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ckanext.ecosphere.schemas import leaving
from ckanext.ecosphere.tests.in_and_out import catalogue
from ckanext.ecosphere.tests.in_and_out.stages import ADMIN, PASSWORD, Portal

#: In this order, they are the first way that is walked.
OPERATIONS = ("leave", "undo", "body", "return", "apply", "reindex")

OUTCOMES = ("same", "converted", "lost")
SCHEMA = {"undo": ("undo", "--yes"), "apply": ("apply",)}


def every_order(names: Sequence[str], size: int) -> list[str]:
    """Return a sequence with each arrangement of some of the names, one right after the other, and
    little besides.

    >>> every_order("abc", 2), len(every_order("abcdef", 6))
    (['a', 'b', 'a', 'c', 'a', 'b', 'c', 'b'], 873)
    """
    missing = list(permutations(names, size))
    way = list(missing.pop(0))
    while missing:
        overlap, nearest = max(
            ((_overlap(way, each), each) for each in missing), key=lambda pair: pair[0]
        )
        way += nearest[overlap:]
        missing.remove(nearest)
    return way


def _overlap(way: list[str], arrangement: Sequence[str]) -> int:
    """Return how many names at the end of the way the arrangement begins with."""
    size = len(arrangement)
    return next(n for n in range(size - 1, -1, -1) if way[len(way) - n :] == list(arrangement[:n]))


class Remote:
    """A portal in a process of its own.

    Args:
        ini: its configuration.
    """

    def __init__(self, ini: str) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(ini, theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    def __call__(self, name: str, *words: Any) -> Any:
        """Call a function of this module with the portal."""
        self._pipe.send((name, words))
        failed, answer = self._pipe.recv()
        if failed:
            raise AssertionError(f"{name}: {answer}")
        return answer


def _serve(ini: str, pipe: Any) -> None:
    import traceback

    from ckan import model

    portal = Portal(ini)
    while True:
        name, words = pipe.recv()
        try:
            pipe.send((False, FUNCTIONS[name](portal, *words)))
        except BaseException:
            pipe.send((True, traceback.format_exc()[-6000:]))
        model.Session.remove()


def fill(portal: Portal) -> str:
    """Fill a plain CKAN; return the token of its administrator."""
    import ckan.plugins.toolkit as tk
    from ckan import model
    from ckan.cli import db
    from ckan.lib import search

    model.repo.init_db()
    for plugin in db._get_pending_plugins():
        db._run_migrations(plugin)
    model.Session.add(
        model.User(name=ADMIN, password=PASSWORD, email="martine@example.org", sysadmin=True)
    )
    model.Session.commit()
    search.clear_all()
    with portal.http.flask_app.test_request_context():
        made = tk.get_action("api_token_create")(
            {"ignore_auth": True, "user": ADMIN}, {"user": ADMIN, "name": "test"}
        )
    portal.token = made["token"]
    portal.api("organization_create", name=catalogue.SERVICE, title="DDT 01")
    portal.api("group_create", name=catalogue.GROUP, title="Inondations")
    portal.api(
        "harvest_source_create", name=catalogue.SOURCE, title="Un autre", url="http://127.0.0.1:9/", source_type="ckan",
        owner_org=catalogue.SERVICE, frequency="MANUAL", config='{"remote_groups": "only_local"}',
    )  # fmt: skip
    for name, body in catalogue.BODIES.items():
        portal.api("package_create", name=name, owner_org=catalogue.SERVICE, **body)
    _harvested(portal)
    model.Session.commit()
    return portal.token


def _harvested(portal: Portal) -> None:
    from ckan import model

    from ckanext.harvest.model import HarvestJob, HarvestObject, HarvestSource

    source = HarvestSource.get(portal.api("package_show", id=catalogue.SOURCE)["id"])
    job = HarvestJob(source=source, status="Finished")
    model.Session.add(job)
    package = model.Package.get("moissonne")
    model.Session.add(
        HarvestObject(
            guid="a-1",
            job=job,
            source=source,
            package_id=package.id,
            current=True,
            state="COMPLETE",
        )
    )


def know(portal: Portal, token: str) -> None:
    """Give a portal the token of the other one."""
    portal.token = token


def edit(portal: Portal) -> None:
    """Fill in fields of the schema, with keywords that a plain CKAN refuses."""
    for name in catalogue.FILLED:
        shown = portal.api("package_show", id=name)
        tags = [
            *({"name": each["name"]} for each in shown["tags"]),
            {"name": "cours d'eau"},
            {"name": "forêt"},
        ]
        files = [{**each, **_of_file(number)} for number, each in enumerate(shown["resources"])]
        portal.api("package_patch", id=name, tags=tags, resources=files, **catalogue.fields(name))


def _of_file(number: int) -> dict[str, Any]:
    if number:
        return {"description": "Le fichier.\n\nEn deux paragraphes."}
    return {
        "conforms_to": ["https://example.org/norme"],
        "name_translated": {"en": "Data"},
        "rights": "Libre.",
    }


def look(portal: Portal) -> dict[str, Any]:
    """Return what the portal shows of each dataset, read from the database and from the index,
    and the sources.
    """
    import ckan.plugins.toolkit as tk
    import sqlalchemy as sa
    from ckan import model
    from ckan.lib.search.common import make_connection

    show: Any = tk.get_action("package_show")
    stored, indexed = {}, {}
    with portal.http.flask_app.test_request_context():
        for name in catalogue.BODIES:
            context = {"ignore_auth": True, "user": ADMIN, "use_cache": False}
            stored[name] = catalogue.view(show(context, {"id": name}))
    documents = make_connection().search(
        "*:*", fq="entity_type:package", fl="name,tags,validated_data_dict", rows=1000
    )
    for document in documents.docs:
        name = document["name"]
        if name in stored:
            shown = json.loads(document["validated_data_dict"])
            indexed[name] = catalogue.view(shown) | {
                "tags": " ".join(sorted(document.get("tags", ())))
            }
    query = """
        SELECT p.name, p.state, p.type, p.title, s.url, s.type, s.active, s.config, s.frequency,
               (SELECT count(*) FROM harvest_object o WHERE o.harvest_source_id = s.id AND o.current)
        FROM harvest_source s JOIN package p ON p.id = s.id ORDER BY p.name
    """
    sources = [list(row) for row in model.Session.execute(sa.text(query))]
    return {"stored": stored, "indexed": indexed, "sources": sources}


def body(portal: Portal, number: int) -> None:
    """Save each dataset as a script would that knows plain CKAN only: half with a patch,
    half with all it reads.
    """
    for place, name in enumerate(catalogue.BODIES):
        if place % 2:
            portal.api("package_patch", id=name, version=str(number))
        else:
            portal.api(
                "package_update", **{**portal.api("package_show", id=name), "version": str(number)}
            )


def reindex(portal: Portal) -> None:
    """Run `ckan search-index rebuild`."""
    from ckan.lib import search

    search.clear_all()
    search.rebuild(force=True, quiet=True)


def command(portal: Portal, *words: str) -> str:
    """Run `ckan ecosphere …`."""
    return portal.command(*words)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (fill, know, edit, look, body, reindex, command)
}


@dataclass
class Row:
    """A value of a plain CKAN before the plugins, and after them."""

    dataset: str
    field: str
    before: str
    after: str

    @property
    def kind(self) -> str:
        """The field, without the address of the file or the keyword."""
        parts = self.field.split("/")
        return {"files": f"files/{parts[-1]}", "tags": "tags", "groups": "groups"}.get(
            parts[0], self.field
        )

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`."""
        if self.after == self.before:
            return "same"
        return "converted" if self.after else "lost"


class Walk:
    """The catalogue on its way, and what is expected of it.

    Args:
        plain: a plain CKAN.
        ours: one with the plugins.
    """

    def __init__(self, plain: Remote, ours: Remote, folder: Path) -> None:
        self.plain, self.ours, self.folder = plain, ours, folder
        token = plain("fill")
        ours("know", token)
        self.before = plain("look")
        ours("command", "init", "--lang", "en")
        self.adopted = ours("command", "adopt", "--lang", "en", "--yes")
        ours("edit")
        self.left = False
        #: Whether the catalogue has been left and has come back.
        self.is_back = False
        #: What each portal shows, by whether the catalogue was left.
        self.expected = {False: ours("look")}
        self.done: list[str] = []
        self.version = ""

    def run(self, operation: str) -> None:
        """Run an operation, and compare what the portal in force shows then.

        Raises:
            AssertionError: something is lost.
        """
        self.done.append(operation)
        number = str(len(self.done))
        if operation == "leave":
            file = str(self.folder / f"{number}.jsonl")
            told = self.ours("command", "leave", "--lang", "en", "--yes", "--export", file)
            assert "harvest" not in told.split(), "ckanext-harvest has a source of its own"
            self.left = True
        elif operation == "return":
            self.ours("command", "init", "--lang", "en", "--yes")
            self.left = False
        elif operation in SCHEMA:
            self.ours("command", "search", "solr-schema", *SCHEMA[operation])
        elif operation == "reindex":
            self.ours("reindex")
        else:
            (self.plain if self.left else self.ours)("body", int(number))
            self.version = number
            for each in self.expected.values():
                for dataset in (*each["stored"].values(), *each["indexed"].values()):
                    dataset["version"] = number
        self._compare()

    def _compare(self) -> None:
        now = (self.plain if self.left else self.ours)("look")
        is_first_return = self.done[-1] == "return" and True in self.expected and not self.is_back
        if self.left not in self.expected or is_first_return:
            # A plain CKAN keeps keywords, long texts and translations of files in its own way, once
            # and for all.
            lost = list(not_in_plain(self.expected[False], now))
            self.expected[self.left] = now
            self.is_back = not self.left
        else:
            lost = list(differences(self.expected[self.left], now))
        assert not lost, f"after {' '.join(self.done[-8:])}:\n" + "\n".join(lost)


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Yield what two observations differ in, one line each."""
    for place in ("stored", "indexed"):
        for name, dataset in before[place].items():
            now = after[place].get(name, {})
            for field in sorted(dataset.keys() | now.keys()):
                if dataset.get(field) != now.get(field):
                    values = (str(each.get(field))[:80] for each in (dataset, now))
                    yield f"{name} | {field} ({place}) | {' | '.join(values)}"
    if before["sources"] != after["sources"]:
        yield f"sources | {before['sources']} | {after['sources']}"


def not_in_plain(ours: dict[str, Any], plain: dict[str, Any]) -> Iterator[str]:
    """Yield the fields of the portal that a plain CKAN does not show after `leave`,
    though it could.
    """
    for place in ("stored", "indexed"):
        for name, dataset in ours[place].items():
            now = plain[place].get(name, {})
            for field, value in dataset.items():
                if field not in ("license_id", "tags", *now) and not _is_kept_aside(field, now):
                    yield f"{name} | {field} ({place}) | {value[:80]} | "
                elif (
                    field.startswith("extras/")
                    and now[field] != value
                    and not value.startswith(now[field][:-1])
                ):
                    yield f"{name} | {field} ({place}) | {value[:80]} | {now[field][:80]}"
    if ours["sources"] != plain["sources"]:
        yield f"sources | {ours['sources']} | {plain['sources']}"


def _is_kept_aside(field: str, now: dict[str, str]) -> bool:
    """Return whether a field is in the file only: a translation of a file,
    a keyword with its marks.
    """
    kind, _slash, name = field.partition("/")
    return field.endswith("_translated") or (
        kind == "tags" and f"tags/{leaving.plain_tag(name)}" in now
    )


def table(before: dict[str, Any], after: dict[str, Any]) -> list[Row]:
    """Return the fields of a plain CKAN before the plugins and after them."""
    rows = []
    for name, dataset in before["stored"].items():
        now = after["stored"][name]
        for field, value in dataset.items():
            kept = now.get(field, "")
            renamed = f"extras/previous_{field.removeprefix('extras/')}"
            if kept != value and now.get(renamed) == value:
                kept = f"{value} (now {renamed})"
            rows.append(Row(name, field, value, kept))
    return rows


def report(rows: Sequence[Row], steps: int) -> Iterator[str]:
    """Yield the table: a line for each kind of field,
    then one for each value that is not the same.
    """
    yield f"{'field':40} | before | the same | converted | lost"
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    for kind, some in sorted(kinds.items()):
        numbers = [len(some), *(sum(row.outcome == each for row in some) for each in OUTCOMES)]
        yield f"{kind:40} | " + " | ".join(f"{number:8}" for number in numbers)
    yield ""
    for row in rows:
        if row.outcome != "same":
            yield f"{row.dataset} | {row.field} | {row.before[:60]} | {row.after[:100] or 'LOST'}"
    lost = sum(row.outcome == "lost" for row in rows)
    yield f"{steps} operations, {len(rows)} values, {lost} lost"


def main(plain: str, ours: str, operations: Iterable[str]) -> int:
    """Walk, then print the table."""
    import ckan.cli.cli
    import ckan.tests.helpers  # noqa: F401 - read once, before the processes part

    with TemporaryDirectory() as folder:
        walk = Walk(Remote(plain), Remote(ours), Path(folder))
        for operation in operations:
            walk.run(operation)
            print(operation, file=sys.stderr, flush=True)
        if not walk.left:
            walk.run("leave")
        rows = table(walk.before, walk.plain("look"))
    for row in rows:
        if row.field == "version":  # changed by the walk itself
            row.after = row.before if row.after == walk.version else row.after
    print(*report(rows, len(walk.done)), sep="\n")
    return int(any(row.outcome == "lost" for row in rows))


if __name__ == "__main__":
    from ckanext.ecosphere.tests.quick_loading import quickly

    with quickly():
        sys.exit(main(sys.argv[1], sys.argv[2], every_order(OPERATIONS, int(sys.argv[3]))))
