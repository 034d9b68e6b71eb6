"""The French schema of a running Solr: its administration interface, what is declared,
and how it is undone.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import ckan
import ckan.plugins.toolkit as tk
import requests
import yaml
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.search.relevance import words

LONGEST_MESSAGE = 500
TIMEOUT_SECONDS = 60
"""Seconds to wait for each answer of Solr."""
REPLICA_SECONDS = 40
"""Seconds that Solr waits for all replicas to apply a schema change; it reports those that have
not."""


class SolrAdminError(Exception):
    """Solr refused a call or did not answer; the message is Solr's own if there is one."""


class SolrAdmin:
    """Administration client of the core or collection at `solr_url`.

    Args:
        base_url: URL of the core or collection, e.g. "http://127.0.0.1:8983/solr/ckan".
        auth: user and password for basic authentication, if required.
    """

    def __init__(self, base_url: str, auth: tuple[str, str] | None = None):
        self.base_url = base_url.rstrip("/")
        self._session = requests.Session()
        self._session.auth = auth

    @property
    def name(self) -> str:
        """Return the name of the core or collection: the last segment of its URL."""
        return self.base_url.rsplit("/", 1)[1]

    @property
    def root_url(self) -> str:
        """Return the URL of the Solr server itself (".../solr")."""
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(path=parts.path.rsplit("/", 1)[0]))

    def call(self, method: str, url: str, **kwargs: Any) -> DataDict:
        """Send a request and return the decoded answer.

        Raises:
            SolrAdminError: no answer, an HTTP error, or an answer that is not JSON.
        """
        try:
            response = self._session.request(method, url, timeout=TIMEOUT_SECONDS, **kwargs)
        except requests.RequestException as error:
            raise SolrAdminError(
                _("Solr does not answer at {url}").format(url=self.base_url)
            ) from error
        try:
            body = response.json()
        except ValueError:
            body = {}
        if not response.ok or not isinstance(body, dict) or not body:
            message = _solr_message(body, response.text)
            raise SolrAdminError(message or f"HTTP {response.status_code}: {url}")
        return body

    def schema(self) -> DataDict:
        """Return the current schema (`fieldTypes`, `fields`, `dynamicFields`, `copyFields`)."""
        return self.call("GET", f"{self.base_url}/schema")["schema"]

    def change_schema(self, commands: DataDict) -> None:
        """Apply Schema API commands; Solr applies all of them or none.

        Raises:
            SolrAdminError: refused, or a replica of the collection does not apply it.
        """
        self.call(
            "POST",
            f"{self.base_url}/schema",
            json=commands,
            params={"updateTimeoutSecs": REPLICA_SECONDS},
        )

    def stop_words(self, name: str) -> list[str]:
        """Return a managed list of stop words, empty if it does not exist."""
        return self._list("stopwords", name).get("wordSet", {}).get("managedList", [])

    def set_stop_words(self, name: str, words: Iterable[str]) -> None:
        """Replace the contents of a managed list of stop words (effective after a reload)."""
        present, wanted = set(self.stop_words(name)), set(words)
        self._replace("stopwords", name, present - wanted, sorted(wanted - present))

    def synonyms(self, name: str) -> dict[str, list[str]]:
        """Return a managed synonym map, empty if it does not exist."""
        return self._list("synonyms", name).get("synonymMappings", {}).get("managedMap", {})

    def set_synonyms(self, name: str, mapping: dict[str, list[str]]) -> None:
        """Replace the contents of a managed synonym map (effective after a reload)."""
        present = {term: sorted(values) for term, values in self.synonyms(name).items()}
        wanted = {term: sorted(values) for term, values in mapping.items()}
        # PUT merges with existing values, so changed entries are deleted first.
        removed = [term for term, values in present.items() if wanted.get(term) != values]
        added = {term: values for term, values in wanted.items() if present.get(term) != values}
        self._replace("synonyms", name, removed, added)

    def _list(self, kind: str, name: str) -> DataDict:
        try:
            return self.call("GET", self.list_url(kind, name))
        except SolrAdminError:
            return {}

    def _replace(self, kind: str, name: str, removed: Iterable[str], added: Any) -> None:
        """Delete entries of a managed list, then add others."""
        entries = self._entries_url(kind, name)
        for entry in removed:
            self.call("DELETE", f"{entries}/{quote(entry, safe='')}")
        if added:
            self.call("PUT", self.list_url(kind, name), json=added)

    def list_url(self, kind: str, name: str) -> str:
        """Return the URL of a managed list ("stopwords" or "synonyms"); in SolrCloud always on the
        same core.

        Any node forwards requests for a core of another node.
        """
        return f"{self._core_urls()[0]}/schema/analysis/{kind}/{name}"

    def _entries_url(self, kind: str, name: str) -> str:
        """Return the base URL of the entries of a managed list.

        In SolrCloud it is on the node that has the core: Solr 9 cannot forward URLs with spaces.
        """
        path = self.list_url(kind, name)
        for replica in self._replicas()[:1]:
            path = path.replace(self.root_url, replica["base_url"].rstrip("/"), 1)
        return path

    def analyse(self, field_type: str, text: str) -> list[str]:
        """Return the tokens that the query analyzer of a field type produces from a text."""
        answer = self.call(
            "POST",
            f"{self.base_url}/analysis/field",
            data={
                "analysis.fieldtype": field_type,
                "analysis.query": text,
                "analysis.fieldvalue": "",
            },
        )
        stages = answer["analysis"]["field_types"][field_type]["query"]
        return [token["text"] for token in stages[-1]]

    def collection(self) -> DataDict:
        """Return the state of the collection at the URL, which may be an alias: `name` and
        `shards`.

        Raises:
            SolrAdminError: there is no such collection, or the alias refers to several.
        """
        params = {"action": "CLUSTERSTATUS", "collection": self.name}
        answer = self.call("GET", f"{self.root_url}/admin/collections", params=params)
        collections = answer["cluster"]["collections"]
        if len(collections) != 1:
            message = _("{name} stands for several collections: give the address of one")
            raise SolrAdminError(message.format(name=self.name))
        ((name, state),) = collections.items()
        return {**state, "name": name}

    def reload(self) -> None:
        """Reload the core, or each core of the collection, so that managed lists and analyzers take
        effect.

        Raises:
            SolrAdminError: refused, or a replica does not reload.
        """
        if not self.is_cloud:
            params = {"action": "RELOAD", "core": self.name}
            self.call("GET", f"{self.root_url}/admin/cores", params=params)
            return
        params = {"action": "RELOAD", "name": self.collection()["name"]}
        answer = self.call("GET", f"{self.root_url}/admin/collections", params=params)
        if failure := answer.get("failure"):
            raise SolrAdminError(str(failure)[:LONGEST_MESSAGE])

    def indexed_field(self, field: str) -> DataDict:
        """Return the index flags of a field in the Lucene index, empty if no document has it."""
        params = {"fl": field, "numTerms": 0}
        for url in self._core_urls():
            fields = self.call("GET", f"{url}/admin/luke", params=params)["fields"]
            if fields.get(field):
                return fields[field]
        return {}

    @cached_property
    def is_cloud(self) -> bool:
        """Return whether this Solr runs as SolrCloud."""
        return self.call("GET", f"{self.root_url}/admin/info/system").get("mode") == "solrcloud"

    def _core_urls(self) -> list[str]:
        """Return the URL of each core of the collection, sorted.

        Outside SolrCloud that of the core.
        """
        cores = [f"{self.root_url}/{replica['core']}" for replica in self._replicas()]
        return cores or [self.base_url]

    def _replicas(self) -> list[DataDict]:
        """Return the active replicas of the collection by the name of their core.

        Empty outside SolrCloud.
        """
        if not self.is_cloud:
            return []
        active = []
        for shard in self.collection()["shards"].values():
            replicas = shard["replicas"].values()
            active += [replica for replica in replicas if replica["state"] == "active"]
        return sorted(active, key=lambda replica: replica["core"])

    def delete_all(self) -> None:
        """Delete every document, which also resets how Lucene has indexed each field."""
        self.call("POST", f"{self.base_url}/update?commit=true", json={"delete": {"query": "*:*"}})

    def site_ids(self) -> set[str]:
        """Return the ids of the CKAN sites with documents here (several may share a core)."""
        params = {
            "q": "*:*",
            "rows": 0,
            "facet": "true",
            "facet.field": "site_id",
            "facet.limit": -1,
        }
        answer = self.call("GET", f"{self.base_url}/select", params=params)
        return set(answer["facet_counts"]["facet_fields"]["site_id"][::2])


def _solr_message(body: Any, text: str) -> str:
    """Return Solr's explanation of a refusal, on one line.

    Args:
        body: the decoded JSON, if the answer has some; the Schema API explains errors in `details`.
        text: the raw response.
    """
    explained = text
    if isinstance(body, dict):
        explained = body.get("error", text)
    if isinstance(explained, dict):
        explained = explained.get("details") or explained.get("msg") or explained
    if not isinstance(explained, str):
        explained = json.dumps(explained)
    return " ".join(explained.split())[:LONGEST_MESSAGE]


def solr() -> SolrAdmin:
    """Return a client of the portal's Solr."""
    user, password = tk.config.get("solr_user"), tk.config.get("solr_password")
    auth = (user, password) if user and password else None
    return SolrAdmin(tk.config["solr_url"], auth)


# --- the French schema ---

MANAGED_NAME = "ecosphere_fr"
TEXT_TYPE = "text"
NUMERIC_TYPES = ("pint", "pfloat")

# A word that does not occur in French and that analysis leaves unchanged: it separates the terms
# when a whole list is analysed in one call.
_SEPARATOR = "xqkwj"


@dataclass(frozen=True)
class SchemaState:
    """Differences between Solr and the target schema.

    Attributes:
        commands: Schema API commands to apply.
        stop_words: whether the stop words differ.
        synonym_map: the target synonym map if it differs, else None.
    """

    commands: dict[str, list[Any]] = field(default_factory=dict)
    stop_words: bool = False
    synonym_map: dict[str, list[str]] | None = None

    @property
    def is_french(self) -> bool:
        """Return whether Solr has the complete French schema."""
        return not (self.commands or self.stop_words or self.synonym_map is not None)

    @property
    def differences(self) -> list[str]:
        """Return the names of missing or different items, for messages."""
        names = names_of(self.commands)
        if self.stop_words:
            names.append("stop words")
        if self.synonym_map is not None:
            names.append("synonyms")
        return names


def wanted() -> DataDict:
    """Return the declared schema: `field_types`, `fields` and `copy_fields`
    in the format of the Schema API.
    """
    return yaml.safe_load((words.DATA / "solr_schema.yaml").read_text(encoding="utf-8"))


def schema_commands(current: DataDict, target: DataDict) -> dict[str, list[Any]]:
    """Compute the Schema API commands that turn one schema into the other.

    Args:
        current: the schema as Solr returns it.
        target: the declared schema.

    Returns:
        the required commands by name; empty if nothing differs. Nothing is ever removed.
    """
    commands: dict[str, list[Any]] = defaultdict(list)
    for kind, current_key, target_key in (
        ("field-type", "fieldTypes", "field_types"),
        ("field", "fields", "fields"),
    ):
        present = {item["name"]: item for item in current[current_key]}
        for item in target[target_key]:
            if item["name"] not in present:
                commands[f"add-{kind}"].append(item)
            elif not same(item, present[item["name"]]):
                commands[f"replace-{kind}"].append(item)
    names = {item["name"] for item in current["fields"]}
    for item in target["fields_if_missing"]:
        if item["name"] not in names:
            commands["add-field"].append(item)
    copies = {(item["source"], item["dest"]) for item in current["copyFields"]}
    for item in target["copy_fields"]:
        missing = [dest for dest in item["dest"] if (item["source"], dest) not in copies]
        if missing:
            commands["add-copy-field"].append({"source": item["source"], "dest": missing})
    return dict(commands)


def state(solr: SolrAdmin) -> SchemaState:
    """Compare Solr with the target schema without changing anything.

    Raises:
        SolrAdminError: Solr is down.
    """
    commands = schema_commands(solr.schema(), wanted())
    if commands:
        # Synonyms cannot be compared yet: their form depends on an analysis chain that is not in
        # place.
        return SchemaState(commands, stop_words=True, synonym_map={})
    if set(solr.stop_words(MANAGED_NAME)) != words.stop_words():
        return SchemaState(stop_words=True, synonym_map={})
    target = synonym_map(solr)
    present = {term: sorted(values) for term, values in solr.synonyms(MANAGED_NAME).items()}
    if present == target:
        return SchemaState()
    return SchemaState(synonym_map=target)


def synonym_map(solr: SolrAdmin) -> dict[str, list[str]]:
    """Return the synonyms in the form that words have in Solr's French analysis chain.

    Raises:
        SolrAdminError: Solr is down, or its chain dropped a separator (the French type is not
            active).
    """
    lines = words.synonym_lines()
    terms = sorted({term for line in lines for term in (*line.terms, *line.broader)})
    tokens = solr.analyse(TEXT_TYPE, f" {_SEPARATOR} ".join(terms))
    forms = re.split(rf"(?:^| ){_SEPARATOR}(?: |$)", " ".join(tokens))
    if len(forms) != len(terms):
        raise SolrAdminError(f"analysis gave {len(forms)} terms for {len(terms)}")
    by_term = dict(zip(terms, forms, strict=True))
    return solr_map(lines, by_term.__getitem__)


def solr_map(
    lines: Iterable[words.SynonymLine], analyse: Callable[[str], str]
) -> dict[str, list[str]]:
    """Convert lines to Solr's mapping from a term to all terms indexed in its place, itself
    included.

    Broader terms are transitive: with PPRI > PPRN and PPRN > PPR, PPRI is found by PPR.

    Args:
        lines: the lines of the file.
        analyse: returns the form of a term at the synonym filter, tokens joined by a space.

    Returns:
        mapping for a managed synonym resource; terms that map only to themselves are left out.
    """
    implied: dict[str, set[str]] = defaultdict(
        set
    )  # term → synonyms and broader terms of its lines
    for line in lines:
        terms = list(filter(None, map(analyse, line.terms)))
        others = terms
        if line.broader:
            others = list(filter(None, map(analyse, line.broader)))
        for term in terms:
            implied[term].update(others)
    closures = {term: _closure(term, implied) for term in implied}
    mapping: dict[str, list[str]] = {}
    for term in sorted(implied):
        # Solr replaces the longest known phrase and continues after it, so synonyms of its parts
        # must be added to it, or "plan de prévention des risques d'inondation" would no longer be
        # found by "inondable".
        parts = [closures[part] for part in implied if f" {part} " in f" {term} "]
        everything = closures[term].union(*parts)
        if everything != {term}:
            mapping[term] = sorted(everything)
    return mapping


def _closure(term: str, implied: Mapping[str, set[str]]) -> set[str]:
    """Return a term with everything that it implies, directly or not."""
    closure: set[str] = set()
    waiting = [term]
    while waiting:
        current = waiting.pop()
        if current not in closure:
            closure.add(current)
            waiting += implied.get(current, ())
    return closure


def apply(solr: SolrAdmin) -> list[str]:
    """Apply the target schema to Solr; does nothing if it is already in place.

    Returns:
        the changes made; if not empty, every dataset must be reindexed.

    Raises:
        SolrAdminError: Solr is down or refuses (for instance with a read-only `schema.xml`).
    """
    before = state(solr)
    if before.is_french:
        return []
    if before.commands:
        solr.change_schema(before.commands)
    if before.stop_words:
        solr.set_stop_words(MANAGED_NAME, words.stop_words())
        solr.reload()
    solr.set_synonyms(MANAGED_NAME, synonym_map(solr))
    solr.reload()
    return before.differences


def blocking_fields(solr: SolrAdmin, commands: dict[str, list[Any]]) -> list[str]:
    """Return the numeric fields that commands add or delete while documents of the index have them
    as another type.

    On a plain CKAN schema the quality score is a string. Lucene refuses to mix types, and forgets
    the old one only when the index is emptied and its core reloaded.
    """
    target = wanted()
    changed = [*commands.get("add-field", ()), *commands.get("delete-field", ())]
    names = {item["name"] for item in changed}
    declared = [*target["fields"], *target["fields_if_missing"]]
    numbers = [item["name"] for item in declared if item["type"] in NUMERIC_TYPES]
    return [name for name in numbers if name in names and solr.indexed_field(name)]


def same(declared: DataDict, present: DataDict) -> bool:
    """Return whether Solr has a field or type as declared."""
    return _plain(declared) == _plain(present)


def names_of(commands: dict[str, list[Any]]) -> list[str]:
    """Return readable names of Schema API commands."""
    return [f"{command}: {_name_of(item)}" for command, items in commands.items() for item in items]


def _plain(item: Any) -> Any:
    """Normalise declarations for comparison: Solr returns booleans and
    numbers with the type it was given.
    """
    if isinstance(item, dict):
        return {key: _plain(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_plain(value) for value in item]
    if isinstance(item, bool):
        return str(item).lower()
    return str(item)


def _name_of(item: DataDict) -> str:
    if "name" in item:
        return item["name"]
    dest = item["dest"]
    if not isinstance(dest, str):
        dest = ", ".join(dest)
    return f"{item['source']} → {dest}"


# --- CKAN's own schema ---

STOCK_SCHEMA = Path(ckan.__file__).parent / "config" / "solr" / "schema.xml"
LISTS = ("synonyms", "stopwords")


def stock_text_type() -> DataDict:
    """Return the field type `text` of the installed CKAN, in the format of the Schema API."""
    types = ET.parse(STOCK_SCHEMA).iter("fieldType")  # noqa: S314 - a file of the package
    declared = next(type_ for type_ in types if type_.get("name") == TEXT_TYPE)
    field_type: DataDict = dict(declared.attrib)
    for analyzer in declared.iter("analyzer"):
        field_type[f"{analyzer.get('type')}Analyzer"] = {
            "tokenizer": dict(next(analyzer.iter("tokenizer")).attrib),
            "filters": [dict(filter_.attrib) for filter_ in analyzer.iter("filter")],
        }
    return field_type


def restore_commands(current: DataDict, ours: DataDict) -> dict[str, list[Any]]:
    """Compute the Schema API commands that remove the French schema.

    Args:
        current: the schema as Solr returns it.
        ours: the declared French schema.

    Returns:
        commands by name, in the order that Solr requires; empty when there is nothing to remove. A
        field that is only added when missing is removed if it matches our declaration; otherwise it
        comes from CKAN's spatial image.
    """
    present = {field["name"]: field for field in current["fields"]}
    types = {type_["name"]: type_ for type_ in current["fieldTypes"]}
    copies = {(copy["source"], copy["dest"]) for copy in current["copyFields"]}
    own_copies = {(copy["source"], dest) for copy in ours["copy_fields"] for dest in copy["dest"]}
    fields = {declared["name"] for declared in ours["fields"]} & set(present)
    for declared in ours["fields_if_missing"]:
        if same(declared, present.get(declared["name"], {})):
            fields.add(declared["name"])
    own_types = {type_["name"] for type_ in ours["field_types"]} & set(types) - {TEXT_TYPE}
    replaced = []
    if not same(stock_text_type(), types[TEXT_TYPE]):
        replaced.append(stock_text_type())
    by_name = {
        "delete-copy-field": [
            {"source": source, "dest": dest} for source, dest in sorted(own_copies & copies)
        ],
        "delete-field": [{"name": name} for name in sorted(fields)],
        "replace-field-type": replaced,
        "delete-field-type": [{"name": name} for name in sorted(own_types)],
    }
    return {command: items for command, items in by_name.items() if items}


def restore(solr: SolrAdmin) -> list[str]:
    """Remove from Solr what `solr_schema.apply` added; does nothing if it is not there.

    Returns:
        the changes made; if not empty, every dataset must be reindexed.

    Raises:
        SolrAdminError: Solr is down or refuses.
    """
    needed = restore_commands(solr.schema(), wanted())
    if not needed:
        return []
    solr.change_schema(needed)
    solr.reload()  # until then analyzers of the former schema keep the lists in use
    for kind in LISTS:
        with suppress(SolrAdminError):  # there is no such list
            solr.call("DELETE", solr.list_url(kind, MANAGED_NAME))
    solr.reload()
    return names_of(needed)
