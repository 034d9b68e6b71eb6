"""Client of Solr's administration API: Schema API, managed resources, analysis, reload.

CKAN's own connection (pysolr) only searches and indexes. A SolrCloud collection has several cores, which differ from a
single core in three ways:

- a managed list is changed in the memory of the core that answers, and all cores read that core's version at the next
  reload: each call about a list must go to the same core (`list_url`);
- each core reports the indexed fields of its own documents only (`indexed_field`);
- the name in the URL may be an alias, which cannot be reloaded (`collection`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from html import unescape
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import ckan.plugins.toolkit as tk
import requests

LONGEST_MESSAGE = 500
REPLICA_SECONDS = 40
"""Seconds that Solr waits for all replicas to apply a schema change; it reports those that have not."""
_TITLE = re.compile(r"<title>([^<]{0,500})</title>", re.IGNORECASE)


class SolrAdminError(Exception):
    """Solr refused a call or did not answer; the message is Solr's own if there is one."""


class SolrAdmin:
    """Administration client of the core or collection at `solr_url`.

    Args:
        base_url: URL of the core or collection, e.g. "http://127.0.0.1:8983/solr/ckan".
        auth: user and password for basic authentication, if required.
        timeout: seconds to wait for each answer.
    """

    def __init__(self, base_url: str, auth: tuple[str, str] | None = None, timeout: float = 60):
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
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

    def call(self, method: str, url: str, **kwargs: Any) -> dict[str, Any]:
        """Send a request and return the decoded answer.

        Raises:
            SolrAdminError: no answer, an HTTP error, or an answer that is not JSON.
        """
        try:
            response = self._session.request(method, url, timeout=self.timeout, **kwargs)
        except requests.RequestException as error:
            raise SolrAdminError(
                tk._("Solr does not answer at {url}").format(url=self.base_url)
            ) from error
        try:
            body = response.json()
        except ValueError:
            body = {}
        if not response.ok or not isinstance(body, dict) or not body:
            raise SolrAdminError(
                _solr_message(body, response.text) or f"HTTP {response.status_code}: {url}"
            )
        return body

    def schema(self) -> dict[str, Any]:
        """Return the current schema (`fieldTypes`, `fields`, `dynamicFields`, `copyFields`)."""
        return self.call("GET", f"{self.base_url}/schema")["schema"]

    def change_schema(self, commands: dict[str, Any]) -> None:
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
        path = self.list_url("stopwords", name)
        try:
            answer = self.call("GET", path)
        except SolrAdminError:
            return []
        return answer["wordSet"]["managedList"]

    def set_stop_words(self, name: str, words: list[str]) -> None:
        """Replace the contents of a managed list of stop words (effective after a reload)."""
        path = self.list_url("stopwords", name)
        present = set(self.stop_words(name))
        entries = self._entries_url("stopwords", name)
        for word in present - set(words):
            self.call("DELETE", f"{entries}/{quote(word, safe='')}")
        missing = [word for word in words if word not in present]
        if missing:
            self.call("PUT", path, json=missing)

    def synonyms(self, name: str) -> dict[str, list[str]]:
        """Return a managed synonym map, empty if it does not exist."""
        path = self.list_url("synonyms", name)
        try:
            answer = self.call("GET", path)
        except SolrAdminError:
            return {}
        return answer["synonymMappings"]["managedMap"]

    def set_synonyms(self, name: str, mapping: dict[str, list[str]]) -> None:
        """Replace the contents of a managed synonym map (effective after a reload)."""
        path = self.list_url("synonyms", name)
        present = self.synonyms(name)
        entries = self._entries_url("synonyms", name)
        for term, values in present.items():
            # PUT merges with existing values, so changed entries are deleted first.
            if sorted(mapping.get(term, [])) != sorted(values):
                self.call("DELETE", f"{entries}/{quote(term, safe='')}")
        missing = {t: v for t, v in mapping.items() if sorted(present.get(t, [])) != sorted(v)}
        if missing:
            self.call("PUT", path, json=missing)

    def forget_list(self, kind: str, name: str) -> None:
        """Delete a managed list that no field type uses any more; does nothing if it does not exist."""
        path = self.list_url(kind, name)
        try:
            self.call("GET", path)
        except SolrAdminError:
            return
        self.call("DELETE", path)

    def list_url(self, kind: str, name: str) -> str:
        """Return the URL of a managed list ("stopwords" or "synonyms"); in SolrCloud always on the same core.

        Any node forwards requests for a core of another node.
        """
        cores = self._cores()
        base = f"{self.root_url}/{cores[0]}" if cores else self.base_url
        return f"{base}/schema/analysis/{kind}/{name}"

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

    def is_cloud(self) -> bool:
        """Return whether this Solr runs as SolrCloud."""
        return self._is_cloud

    def collection(self) -> dict[str, Any]:
        """Return the state of the collection at the URL, which may be an alias: `name` and `shards`.

        Raises:
            SolrAdminError: there is no such collection, or the alias refers to several.
        """
        params = {"action": "CLUSTERSTATUS", "collection": self.name}
        collections = self.call("GET", f"{self.root_url}/admin/collections", params=params)[
            "cluster"
        ]["collections"]
        if len(collections) != 1:
            message = tk._("{name} stands for several collections: give the address of one")
            raise SolrAdminError(message.format(name=self.name))
        ((name, state),) = collections.items()
        return {**state, "name": name}

    def reload(self) -> None:
        """Reload the core, or each core of the collection, so that managed lists and analyzers take effect.

        Raises:
            SolrAdminError: refused, or a replica does not reload.
        """
        if not self.is_cloud():
            self.call(
                "GET",
                f"{self.root_url}/admin/cores",
                params={"action": "RELOAD", "core": self.name},
            )
            return
        params = {"action": "RELOAD", "name": self.collection()["name"]}
        answer = self.call("GET", f"{self.root_url}/admin/collections", params=params)
        if failure := answer.get("failure"):
            raise SolrAdminError(_solr_message({"error": {"msg": str(failure)}}))

    def indexed_field(self, field: str) -> dict[str, Any]:
        """Return the index flags of a field in the Lucene index, empty if no document has it."""
        params = {"fl": field, "numTerms": 0}
        bases = [f"{self.root_url}/{core}" for core in self._cores()] or [self.base_url]
        fields = (
            self.call("GET", f"{base}/admin/luke", params=params)["fields"].get(field, {})
            for base in bases
        )
        return next(filter(None, fields), {})

    @cached_property
    def _is_cloud(self) -> bool:
        return self.call("GET", f"{self.root_url}/admin/info/system").get("mode") == "solrcloud"

    def _cores(self) -> list[str]:
        """Return the names of the active cores of the collection, sorted; empty outside SolrCloud."""
        return [core["core"] for core in self._replicas()]

    def _replicas(self) -> list[dict[str, Any]]:
        if not self.is_cloud():
            return []
        shards = self.collection()["shards"].values()
        replicas = (replica for shard in shards for replica in shard["replicas"].values())
        return sorted(
            (replica for replica in replicas if replica["state"] == "active"),
            key=lambda replica: replica["core"],
        )

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


def _solr_message(body: Any, text: str = "") -> str:
    """Extract Solr's explanation from an error response, on one line; empty if there is none.

    Args:
        body: the decoded JSON. `error` is an object, or a text in some versions; the Schema API explains errors in
            `details`, as a list of messages or a single one.
        text: the raw response: Solr's web server answers with an HTML page.
    """
    if isinstance(body, dict) and body.get("error"):
        message = "; ".join(dict.fromkeys(_sentences(body["error"])))
    else:
        page = _TITLE.search(text)
        message = unescape(page[1]) if page else ""
    return " ".join(message.split())[:LONGEST_MESSAGE]


def _sentences(error: Any) -> Iterator[str]:
    """Yield the messages of an error, details in preference to the less specific general message."""
    if isinstance(error, str):
        try:
            decoded = json.loads(error)
        except ValueError:
            yield error.strip()
            return
        if not isinstance(decoded, dict):
            decoded = {"msg": str(decoded)}
        yield from _sentences(decoded.get("error", decoded))
    elif isinstance(error, list):
        for value in error:
            yield from _sentences(value)
    elif isinstance(error, dict):
        for key in ("errorMessages", "details", "msg"):
            if sentences := [value for value in _sentences(error.get(key)) if value]:
                yield from sentences
                return
        if trace := str(error.get("trace") or "").strip():
            yield trace.splitlines()[0]


def solr() -> SolrAdmin:
    """Return a client of the portal's Solr."""
    user, password = tk.config.get("solr_user"), tk.config.get("solr_password")
    auth = (user, password) if user and password else None
    return SolrAdmin(tk.config["solr_url"], auth)
