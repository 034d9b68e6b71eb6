"""Parsers of texts of outsiders: each is named where it is called,
and none of them can run what it reads.
"""

from __future__ import annotations

import ast
from functools import cache

import pytest

from ckanext.ecosphere.tests.test_architecture import imports, modules, within
from ckanext.ecosphere.tests.test_ways_out import calls, own

#: Libraries whose input is code.
RUNNING = ("cloudpickle", "code", "dill", "joblib", "marshal", "pickle", "pyshacl", "shelve")
#: Libraries that decode images: no image of outsiders is decoded, except by GDAL in the sandbox.
IMAGES = ("PIL", "cairosvg", "cv2", "imageio", "wand")
#: Parsers of libxml2, which have safe and unsafe settings.
LXML = (
    "etree.fromstring",
    "etree.XML",
    "etree.HTML",
    "html.document_fromstring",
    "html.fromstring",
    "html.fragments_fromstring",
)
#: Functions that run their text, or load any object that it names.
FORBIDDEN = (
    "eval",
    "exec",
    "yaml.full_load",
    "yaml.unsafe_load",
    "yaml.load_all",
    "jinja2.Template",
)
#: Loaders of YAML that create texts, lists and mappings only.
SAFE_LOADERS = {"yaml.CBaseLoader", "yaml.CSafeLoader", "yaml.SafeLoader"}
#: Parsers of the standard library that expand entities → why the module may use them.
STANDARD = {"search/solr_schema.py": "reads CKAN's own Solr schema"}


@cache
def every_call() -> list[tuple[str, str, ast.Call]]:
    """Return module, called function and call for each call in the package."""
    return [
        (own(path), ast.unparse(call.func), call) for path in modules(".") for call in calls(path)
    ]


def calls_of(*functions: str) -> list[tuple[str, ast.Call]]:
    return [(place, call) for place, name, call in every_call() if name in functions]


def words(call: ast.Call) -> dict[str | None, str]:
    return {word.arg: ast.unparse(word.value) for word in call.keywords}


@pytest.mark.parametrize("libraries", [RUNNING, IMAGES], ids=["running", "images"])
def test_no_module_imports_a_library_that(libraries):
    found = [
        (own(path), name)
        for path in modules(".")
        for name in imports(path)
        if any(within(name, library) for library in libraries)
    ]
    assert found == []


def test_every_call_of_libxml2_names_its_parser():
    parsed = calls_of(*LXML)
    nameless = [
        place for place, call in parsed if len(call.args) == 1 and "parser" not in words(call)
    ]
    assert len(parsed) >= 4
    assert nameless == []


def test_xml_of_outsiders_is_parsed_by_libxml2():
    parsed = calls_of("ET.parse", "ET.fromstring", "ET.XML", "ET.iterparse", "minidom.parseString")
    assert {place for place, _call in parsed} == set(STANDARD)


def test_no_text_is_run():
    assert [place for place, _call in calls_of(*FORBIDDEN)] == []
    assert [place for place, name, _call in every_call() if name.endswith("env.from_string")] == []


def test_yaml_makes_no_objects():
    loaded = calls_of("yaml.load", "yaml.parse", "yaml.scan")
    assert loaded
    assert {words(call).get("Loader") for _place, call in loaded} <= SAFE_LOADERS


def test_no_query_of_rdf_is_run():
    """It could ask another server (SERVICE)."""
    queries = ("graph.query", "report.query", ".g.query")
    assert [name for _place, name, _call in every_call() if name.endswith(queries)] == []
