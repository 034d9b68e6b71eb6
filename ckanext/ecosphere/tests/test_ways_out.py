"""Only the HTTP guard opens connections; each exception is listed with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ckanext.ecosphere.tests.test_architecture import PACKAGE, imports, modules, within
from ckanext.ecosphere.tests.trees import parsed

#: Modules that can open a connection.
NETWORK = (
    "aiohttp", "asyncio", "ftplib", "http.client", "httplib2", "httpx", "imaplib", "paramiko", "poplib", "pycurl",
    "pysolr", "requests", "smtplib", "socket", "socketserver", "ssl", "telnetlib", "urllib.request", "urllib3",
    "xmlrpc",
)  # fmt: skip
#: Exceptions, by module or folder, with their reason: they connect to configured addresses only.
ALLOWED = {
    ("core/away.py", "requests"): "asks the portal's Solr whether it is there",
    (
        "shared/confinement/",
        "socket",
    ): "tries out that the reader of files reaches no port of this machine",
    ("shared/mailing.py", "smtplib"): "the portal's mail server",
    ("shared/mailing.py", "socket"): "errors of the mail server",
    (
        "data_requests/mail_in.py",
        "imaplib",
    ): "the mailbox of replies, which the administrator named",
    ("data_requests/mail_in.py", "ssl"): "certificates of that mail server",
    ("setup/health.py", "smtplib"): "greets the portal's mail server",
    ("setup/health.py", "socket"): "errors of the mail server",
    ("fast_save/solr.py", "pysolr"): "the portal's Solr",
    ("fast_save/solr.py", "requests"): "the portal's Solr",
    ("search/solr_schema.py", "requests"): "the portal's Solr",
}
#: The only module of OWSLib in use, which writes filters: OWSLib's clients make their own requests.
OWSLIB = "owslib.fes"
RDF = "shared/rdf.py"


def own(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(parsed(path.read_text())) if isinstance(node, ast.Call))


def keywords(call: ast.Call) -> dict[str, object]:
    return {
        word.arg: word.value.value
        for word in call.keywords
        if word.arg and isinstance(word.value, ast.Constant)
    }


def outside_of_the_guard() -> list[Path]:
    return [path for path in modules(".") if "http_guard" not in path.parts]


def ways_out() -> set[tuple[str, str]]:
    """Return module and library for each import of a library that can open a connection."""
    return {
        (own(path), library)
        for path in outside_of_the_guard()
        for name in imports(path)
        for library in NETWORK
        if within(name, library)
    }


def allowed(way: tuple[str, str]) -> set[tuple[str, str]]:
    """Return the exceptions that cover an import."""
    return {
        (place, library)
        for place, library in ALLOWED
        if library == way[1] and way[0].startswith(place)
    }


def test_only_the_guard_opens_connections():
    assert {way for way in ways_out() if not allowed(way)} == set()


def test_each_exception_is_still_one():
    assert {exception for way in ways_out() for exception in allowed(way)} == set(ALLOWED)


def test_the_search_sees_an_import_that_is_hidden_in_a_function(tmp_path):
    module = tmp_path / "hidden.py"
    module.write_text(
        "def fetch(url):\n    from urllib.request import urlopen\n    return urlopen(url)\n"
    )
    names = [
        node.module
        for node in ast.walk(parsed(module.read_text()))
        if isinstance(node, ast.ImportFrom)
    ]
    assert any(within(name or "", library) for name in names for library in NETWORK)


def test_no_module_is_imported_by_a_name_that_is_put_together():
    found = [
        own(path)
        for path in outside_of_the_guard()
        for call in calls(path)
        if (isinstance(call.func, ast.Name) and call.func.id == "__import__")
        or (isinstance(call.func, ast.Attribute) and call.func.attr == "import_module")
    ]
    assert found == []


def _names_in(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def test_rdf_is_parsed_in_one_place():
    found = [
        f"{own(path)}:{call.lineno}"
        for path in modules(".")
        if own(path) != RDF and any(within(name, "rdflib") for name in imports(path))
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in {"parse", "load", "query", "update"}
        and ast.unparse(call.func.value) not in {"rdf", "report"}
        and _names_in(
            call.func if call.func.attr == "update" else call
        )  # sets have an `update` too
        & {"Graph", "Dataset", "graph", "parser"}
    ]
    assert found == []


def test_every_xml_parser_has_the_network_off():
    parsers, loose = 0, []
    for path in modules("."):
        for call in calls(path):
            name = ast.unparse(call.func)
            if (
                name.endswith(("XMLParser", "HTMLParser", "iterparse", "XMLPullParser"))
                and "lxml" in path.read_text()
            ):
                parsers += 1
                given = keywords(call)
                safe = (
                    given.get("no_network") is True
                    and not given.get("load_dtd")
                    and not given.get("huge_tree")
                )
                if not safe or (
                    name.endswith("XMLParser") and given.get("resolve_entities") is not False
                ):
                    loose.append(f"{own(path)}:{call.lineno}")
            elif name in {
                "etree.parse",
                "html.parse",
                "etree.XSLT",
                "etree.XMLSchema",
                "etree.XInclude",
            } or name.endswith(".xinclude"):
                loose.append(f"{own(path)}:{call.lineno}")
    assert parsers >= 2
    assert loose == []


def test_of_owslib_only_filters_are_used():
    found = {
        (own(path), name)
        for path in modules(".")
        for name in imports(path)
        if within(name, "owslib")
    }
    assert {name for _path, name in found if not within(name, OWSLIB) and name != "owslib"} == set()
