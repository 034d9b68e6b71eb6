"""Dry run of a source: read it and normalise its first records, without saving anything."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace

import ckan.plugins.toolkit as tk
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.types import DataDict
from rq.exceptions import NoSuchJobError
from rq.job import Job

from ckanext.ecosphere.harvest import config, gather, job, messages
from ckanext.ecosphere.harvest.messages import about_record, sentence
from ckanext.ecosphere.harvest.normalise import Context, Problem, RecordError, normalise
from ckanext.ecosphere.harvest.problems import SENTENCES
from ckanext.ecosphere.harvest.sources.base import OWN_SERVICE, RawRecord, SourceType, type_called
from ckanext.ecosphere.harvest.worker import QUEUE, Watch
from ckanext.ecosphere.harvest.write.portal import accepts_free_tags
from ckanext.ecosphere.shared import parsing
from ckanext.ecosphere.shared.http_guard import Budget, FetchError, GuardedSession, StoppedError
from ckanext.ecosphere.shared.language import N_

SAMPLE = 10


def try_source(url: str, type_name: str, text: str = "") -> DataDict:
    """Read the beginning of a source.

    Args:
        url: URL of the source.
        type_name: its type.
        text: its configuration in JSON.

    Returns:
        `announced` records, `failures` and `samples`: title, organisation, resources, licence,
        themes, territories, rules that changed something, and problems of the first records, or the
        reason why one would be refused; `kind`, what answers at the address, if no record could be
        read. Values are codes; `in_words` translates them.

    Raises:
        ValueError: the type is not enabled, or the configuration is not valid; the message says
            why.
    """
    harvester = type_called(type_name)
    if harvester is None:
        raise ValueError(tk._("The source type {type} is not enabled.").format(type=type_name))
    settings = job.read_settings(harvester.checked_settings(text))
    if "page_size" in harvester.options:
        settings["page_size"] = min(SAMPLE, settings.get("page_size") or SAMPLE)
    reader = harvester.bounded_reader(url, settings, config.preview_bounds())
    raws: list[RawRecord] = []
    with Watch(reader.budget, reader.bounds.memory):
        for page in reader.pages():
            raws += page
            if len(raws) >= SAMPLE:
                break
        kind = None if raws or not reader.reading.failed else _kind(url, reader.budget)
    context = Context(
        catalogue_title=url,
        record_url=harvester.record_url(url),
        organisations=frozenset(job.organisations()),
        free_tags=accepts_free_tags(),
    )
    if settings.get(OWN_SERVICE):
        context = replace(context, only_organisation="")
    else:
        context = replace(
            context,
            default_organisation=settings.get("default_organisation"),
            fallback_organisation=config.fallback_organisation(),
        )
    return {
        "url": url,
        "type": type_name,
        "announced": reader.reading.announced,
        "failures": [asdict(failure) for failure in reader.reading.failures],
        "kind": kind,
        "samples": [_sample(raw, harvester, context) for raw in raws[:SAMPLE]],
    }


def _kind(url: str, budget: Budget) -> str | None:
    """Return what answers at an address.

    None once the time of the test is over, which its failures tell.
    """
    try:
        return at(url, GuardedSession(config.guard_settings(), budget=budget))
    except StoppedError:
        return None


def _sample(raw: RawRecord, source_type: SourceType, context: Context) -> DataDict:
    sample = {"guid": gather.guid_of(raw, source_type.read), "position": raw.position}
    try:
        result = normalise(source_type.read(raw.content), context)
    except RecordError as error:
        return {**sample, "refused": {"code": error.code, "params": error.params}}
    dataset = result.dataset
    return {
        **sample,
        "title": dataset.get("title"),
        "organisation": result.organisation,
        "licence": dataset.get("license_id"),
        "resources": len(dataset.get("resources") or []),
        "territories": dataset.get("territory") or [],
        "themes": dataset.get("theme") or [],
        "rules": list(dict.fromkeys(change.rule for change in result.log)),
        "problems": [asdict(problem) for problem in result.problems],
    }


def in_words(trial: DataDict) -> DataDict:
    """Return the result of a preview with sentences and labels in the
    user's language in place of codes.
    """
    type_name, kind = trial["type"], trial.get("kind")
    source_type = type_called(type_name)
    return {
        **trial,
        "type": tk._(source_type.title) if source_type else type_name,
        "failures": [sentence(**failure, translate=tk._) for failure in trial["failures"]],
        "advice": advice(kind, type_name) if kind else None,
        "samples": [_sample_in_words(sample) for sample in trial["samples"]],
    }


def _sample_in_words(sample: DataDict) -> DataDict:
    def about(problem: DataDict) -> str:
        return about_record(sample["position"], sample["guid"], Problem(**problem), tk._)

    if "refused" in sample:
        return {**sample, "refused": about(sample["refused"])}
    return {
        **sample,
        "service": messages.concept("organisations", sample["organisation"]),
        "licence": messages.concept("licences", sample["licence"]),
        "territories": [messages.concept("territories", uri) for uri in sample["territories"]],
        "themes": [messages.concept("themes", uri) for uri in sample["themes"]],
        "rules": [messages.rule(name) for name in sample["rules"]],
        "problems": [about(problem) for problem in sample["problems"]],
    }


# --- in the background ---

KEPT_SECONDS = 3600
SLACK_SECONDS = 60
"""Time allowed to a worker beyond the reading, to start and to describe the result."""
LONGEST_FORM = 100_000
"""Maximum length of a form that is kept, in characters."""
WAITING, DONE, FAILED = "waiting", "done", "failed"
TRIAL = "trial"
"""Key of the notes of a background job (`meta`) that is a preview: `url` and `user`."""


def start_trial(url: str, source_type: str, text: str, user: str) -> str:
    """Enqueue the preview of a source and return its id, that of its background job.

    Raises:
        ValidationError: too many previews of this user are waiting or running.
    """
    queue = jobs.get_queue(QUEUE)
    ids = [*queue.job_ids, *queue.started_job_registry.get_job_ids()]
    unfinished = filter(None, Job.fetch_many(ids, connection=queue.connection))
    if sum(_user_of(job) == user for job in unfinished) >= config.previews_per_person():
        message = tk._(
            "Several of your tests of sources are waiting or running: wait until one of them is "
            "over."
        )
        raise tk.ValidationError({"url": [message]})
    options = {
        "timeout": config.preview_bounds().seconds + SLACK_SECONDS,
        "ttl": KEPT_SECONDS,
        "result_ttl": KEPT_SECONDS,
        "failure_ttl": KEPT_SECONDS,
        "meta": {TRIAL: {"url": url, "user": user}},
    }
    title = f"harvest trial {url}"[:200]
    arguments = [url, source_type, text]
    return tk.enqueue_job(run_trial, arguments, title=title, queue=QUEUE, rq_kwargs=options).id


def _user_of(job: Job) -> str | None:
    return job.meta.get(TRIAL, {}).get("user")


def run_trial(url: str, source_type: str, text: str) -> DataDict:
    """Preview a source; runs in a worker, and its result is kept with the job."""
    try:
        return {"state": DONE, "found": try_source(url, source_type, text)}
    except ValueError as error:
        return {"state": FAILED, "reason": str(error)}


def keep_form(id_: str, form: dict[str, str]) -> None:
    """Keep the form of a new source as long as its preview, to save it afterwards.

    Drop one that is too long.
    """
    job = _job(id_)
    if len(json.dumps(form, ensure_ascii=False)) <= LONGEST_FORM:
        job.meta["form"] = form
        job.save_meta()


def form_of(id_: str) -> dict[str, str]:
    """Return the form of the source of a preview; empty if none was kept."""
    return _job(id_).meta.get("form", {})


def show_trial(id_: str) -> DataDict:
    """Return the state of a preview.

    Raises:
        ObjectNotFound: there is none, or it has expired.
    """
    job = _job(id_)
    trial = {**job.meta[TRIAL], "state": WAITING}
    if job.is_failed:
        trial |= {"state": FAILED, "reason": ""}
    return trial | (job.return_value() or {})


def _job(id_: str) -> Job:
    job = None
    with suppress(NoSuchJobError, ValueError):  # of characters that no id of RQ has
        job = Job.fetch(id_, connection=connect_to_redis())
    if job is None or TRIAL not in job.meta:
        raise tk.ObjectNotFound(tk._("This trial is over and no longer kept: start it again."))
    return job


# --- what answers at an address ---
#
# Recognise what answers at an address, to tell people why it is no source of the chosen type and
# which one it is.

MAX_BYTES = 512 * 1024
"""How much of the answer is read."""
CSW, DCAT, WAF, OGCAPI, UDATA = (
    "ecosphere_csw",
    "ecosphere_dcat",
    "ecosphere_waf",
    "ecosphere_ogcapi",
    "ecosphere_udata",
)
"""Kinds that are a type of source."""
MAPS, PAGE, UNKNOWN = "maps", "page", "unknown"
"""Other kinds: a service of maps or features, a web page, something else."""
NOTHING, FORBIDDEN, BROKEN, SILENT = "nothing", "forbidden", "broken", "silent"
"""Kinds of no answer: HTTP 404, HTTP 401 or 403, another HTTP error, no response."""
_ROOTS = {
    "GetRecordsResponse": CSW,
    "GetRecordByIdResponse": CSW,
    "RDF": DCAT,
    "WMS_Capabilities": MAPS,
    "WMT_MS_Capabilities": MAPS,
    "WFS_Capabilities": MAPS,
}
_STATUSES = {401: FORBIDDEN, 403: FORBIDDEN, 404: NOTHING, 410: NOTHING}
_MISUNDERSTOOD = 400
"""Status of a service that misses the parameters of a question: its answer still tells what it
is."""
_OK = 200
_HEAD = 2_000
"""Characters in which the root of an XML document and its namespaces are looked for."""
_ROOT = re.compile(r"<(?:[\w.-]{1,50}:)?([A-Za-z_][\w.-]{0,100})")
_TURTLE = re.compile(r"@prefix|@base|prefix\s|<https?://\S{1,500}>\s", re.IGNORECASE)
_XML_FILE = re.compile(r"""href=["']?[^"'<>?#]{1,500}\.xml["'?#\s>]""", re.IGNORECASE)


def at(url: str, session: GuardedSession) -> str:
    """Return what answers at an address, one of the kinds of this module; sends one request."""
    try:
        answer = session.get(url, max_bytes=MAX_BYTES, truncate=True, attempts=1)
    except FetchError:
        return SILENT
    if answer.status not in (_OK, _MISUNDERSTOOD):
        return _STATUSES.get(answer.status, BROKEN)
    kind = of_document(answer.body, url)
    if kind == UNKNOWN and answer.status != _OK:
        return BROKEN
    return kind


def of_document(body: bytes, url: str = "") -> str:
    """Return the kind of a document, which may be cut.

    Args:
        body: the document.
        url: its address, which tells apart the services whose error messages look the same.
    """
    text = body.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith(("{", "[")):
        return _of_json(body)
    if _TURTLE.match(text):
        return DCAT
    if text.startswith("<"):
        return _of_markup(text, url)
    return UNKNOWN


def _of_markup(text: str, url: str) -> str:
    head = text[:_HEAD]
    match = _ROOT.search(head)
    root = match.group(1) if match else ""
    if root.lower() == "html" or head.lower().startswith("<!doctype html"):
        return WAF if _XML_FILE.search(text) else PAGE
    if root in ("Capabilities", "ExceptionReport"):
        return CSW if "/cat/csw" in head or "csw" in url.lower() else MAPS
    return _ROOTS.get(root, UNKNOWN)


def _of_json(body: bytes) -> str:
    try:
        value = parsing.load_json(body)
    except (ValueError, RecursionError):
        return UNKNOWN
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, Mapping):
        return UNKNOWN
    if not value.keys().isdisjoint(("@context", "@graph", "@id")):
        return DCAT
    if value.keys() >= {"next_page", "data"}:
        return UDATA
    if not value.keys().isdisjoint(("conformsTo", "stac_version", "links")):
        return OGCAPI
    return UNKNOWN


# --- what to do about it ---

ADVICE: dict[str, str] = SENTENCES["answers"]
"""Kind of what answers → what to do."""
_OTHER_TYPE = N_("This is a source of another type: choose “{type}”, and test again.")
_SAME_TYPE = N_(
    "The address is one of the chosen type, but nothing could be read there. Test again later."
)


def advice(kind: str, chosen: str) -> str:
    """Return what was found at the address of a source and what to do.

    Args:
        kind: what answers at the address.
        chosen: the chosen type of source.
    """
    if kind == chosen:
        return tk._(_SAME_TYPE)
    other = type_called(kind)
    if kind not in ADVICE and other:
        return tk._(_OTHER_TYPE).format(type=tk._(other.title))
    return tk._(ADVICE.get(kind, ADVICE[UNKNOWN]))
