"""The portal of the access matrix: seven personas,
and one object of every kind with restricted access.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories, helpers
from rq.job import Job
from werkzeug.datastructures import FileStorage

from ckanext.ecosphere.access.services import storage as storage_of_services
from ckanext.ecosphere.access.services.parsers import Description, Layer
from ckanext.ecosphere.access.services.storage import Outcome
from ckanext.ecosphere.access.take import extracts
from ckanext.ecosphere.core import addresses, lists
from ckanext.ecosphere.data_requests import attachments
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import trust
from ckanext.ecosphere.data_requests.model import Attachment, Comment, Delivery, Letter, Request
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.tests import conftest as requests
from ckanext.ecosphere.dataset.services import service_at
from ckanext.ecosphere.harvest import preview
from ckanext.ecosphere.harvest.model import PUBLISHED, Hold, JobState, SourceRecord
from ckanext.ecosphere.schemas import bulk
from ckanext.ecosphere.search.alerts import mails
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.shared import mailing
from ckanext.ecosphere.shared.columns import now as study_moment
from ckanext.ecosphere.studies import frames
from ckanext.ecosphere.studies import store as studies
from ckanext.ecosphere.studies.model import (
    Collection,
    Reuse,
    Study,
    StudyDataset,
    StudyNeed,
    StudyRun,
)
from ckanext.ecosphere.studies.model import Member as StudyMember
from ckanext.ecosphere.studies.site import of_communes
from ckanext.harvest.model import HarvestJob, HarvestObject

#: Persona → account; the request belongs to another user ("asker"), the draft to `user`.
PERSONAS = {
    "anonymous": None,
    "user": "stranger",
    "other_editor": "other-editor",
    "editor": "editor",
    "admin": "admin",
    "moderator": "moderator",
    "sysadmin": "boss",
}
FILE = b"%PDF-1.4\n%%EOF\n"
PASSWORD = "Correct-Horse-9"
SECRET_TITLE = "Captages sensibles du plan Orsec"
RECORD = """\
<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">
  <gmd:fileIdentifier><gco:CharacterString>guid-1</gco:CharacterString></gmd:fileIdentifier>
  <gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation>
    <gmd:title><gco:CharacterString>Haies du Forez</gco:CharacterString></gmd:title>
  </gmd:CI_Citation></gmd:citation></gmd:MD_DataIdentification></gmd:identificationInfo>
</gmd:MD_Metadata>
"""


@dataclass
class World:
    """Ids and names of the objects on the portal.

    Attributes:
        things: name in the tables → (id, name); twice the id for objects without a name.
        tokens: persona → API token.
        attached: folder of the files of the requests.
    """

    things: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    attached: list[Path] = field(default_factory=list)

    def put_file_back(self) -> None:
        """Write the files of the requests again: erasing a user's data deletes them,
        and files are not rolled back.
        """
        for each in self.attached:
            if not each.is_file():
                each.write_bytes(FILE)

    def filled(self, value: Any, by: str) -> Any:
        """Replace `$thing` in parameters or paths with ids ("id") or names ("name")."""
        if isinstance(value, dict):
            return {key: self.filled(each, by) for key, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each, by) for each in value]
        if isinstance(value, str) and value.startswith("$"):
            return self.things[value[1:]][by == "name"]
        return value


def build() -> World:
    """Create the portal's contents."""
    requests.populate()
    world = World()
    for persona, name in PERSONAS.items():
        if name is not None:
            user = model.User.get(name)
            assert user is not None
            user.password = PASSWORD
            model.Session.commit()
            world.tokens[persona] = factories.APIToken(user=name)["token"]
            world.things[persona] = (user.id, name)
    for name, quality in requests.AUTHORS.items():
        names = {"first_name": name.title(), "last_name": "Nom", "quality": quality}
        letters.keep_author(requests.user_id(name), names)
    model.Session.commit()
    for thing, value in (("ground", requests.REFUSAL["ground"]), ("reason", requests.REASON)):
        world.things[thing] = (value, value)
    world.things["asker"] = (requests.user_id("asker"), "asker")
    for thing, name in (("service", "ddt-42"), ("other_service", "dreal-ara")):
        world.things[thing] = (requests.group_id(name), name)
    invited = factories.User(name="invited", state=model.State.PENDING)
    member = {"id": requests.group_id("ddt-42"), "username": "invited", "role": "editor"}
    helpers.call_action("organization_member_create", {"user": "boss"}, **member)
    world.things["invited"] = (invited["id"], "invited")
    group = factories.Group(name="zonages", user={"name": "boss"})
    world.things["group"] = (group["id"], group["name"])
    _make_datasets(world)
    _make_requests(world)
    _make_alerts(world)
    _make_harvest(world)
    _make_bulk_edit(world)
    _make_services(world)
    _make_studies(world)
    _make_publications(world)
    make_source(world)
    return world


def _make_datasets(world: World) -> None:
    for thing, values in {
        "dataset": {"name": "zones-humides"},
        "tagged": {"name": "avec-mot-cle", "tags": [{"name": "castor"}]},
        "private": {"name": "captages", "private": True, "title": SECRET_TITLE},
        "doomed": {"name": "voue-a-disparaitre"},
        "moved": {"name": "voue-a-partir"},
        "doomed_private": {"name": "voue-a-disparaitre-2", "private": True},
        "other_private": {
            "name": "captages-ara",
            "private": True,
            "owner_org": requests.group_id("dreal-ara"),
        },
    }.items():
        made = requests.dataset(**values)
        world.things[thing] = (made["id"], made["name"])
    # Deleted and private: if restored, only its organisation finds it in searches.
    deleted = requests.dataset(name="supprime", private=True)
    helpers.call_action("package_delete", {"user": "boss"}, id=deleted["id"])
    world.things["deleted"] = (deleted["id"], deleted["name"])
    tag = model.Tag.get("castor")
    assert tag is not None
    lists.store(
        "search:everyday",
        "zorglub",
        {"asked": ["zorglub"], "called": ["haie"], "both": False},
        None,
    )
    world.things["words"] = ("zorglub", "zorglub")
    world.things["tag"] = (tag.id, tag.name)


def _make_requests(world: World) -> None:
    def keep(thing: str, made: dict[str, Any]) -> None:
        world.things[thing] = (made["id"], made["reference"] or made["id"])
        version = requests.row(made).version
        world.things[f"{thing}_version"] = (version, version)

    public = requests.opened()
    upload = FileStorage(io.BytesIO(FILE), "plan.pdf", content_type="application/pdf")
    requests.act("comment", "asker", id=public["id"], text="Voici le plan.", upload=upload)
    comment = model.Session.query(Comment).one()
    attachment = model.Session.query(Attachment).one()
    world.things["comment"] = (comment.id, comment.id)
    world.things["attachment"] = (attachment.id, attachment.id)
    world.attached.append(attachments.path_of(attachment))
    keep("request", public)
    keep("other_request", requests.opened(title="Haies bocagères du Forez"))
    keep("private_request", requests.opened(visibility="private", title="Demande confidentielle"))
    for thing, request in (("letter", "request"), ("private_letter", "private_request")):
        letters = model.Session.query(Letter).filter_by(request_id=world.things[request][0])
        receipt = letters.order_by(Letter.created.desc()).first()
        assert receipt is not None
        world.things[thing] = (receipt.id, receipt.id)
    keep("submitted", requests.submitted("friend", title="Friches industrielles"))
    keep("supported", requests.opened(title="Nappes phréatiques du Forez"))
    for name in ("stranger", "other-editor", "editor", "admin", "moderator", "boss"):
        requests.act("follow", name, id=world.things["supported"][0])
    _hold_a_comment(world)
    _furnish_the_desk(world)
    _deliver(world, keep)
    keep("draft", requests.draft("stranger"))
    keep("private_draft", requests.draft("asker"))


def _hold_a_comment(world: World) -> None:
    """Hold the comment of a new user for moderation,
    and create an unsubscribe link for the requester.
    """
    request = world.things["other_request"][0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tk.config, "ecosphere.requests.release_after", 3)
        requests.act("comment", "friend", id=request, text="Je débute ici.")
    comment = model.Session.query(Comment).filter_by(moderation=trust.HELD).one()
    world.things["held"] = (comment.id, comment.id)
    token = delivery.unsubscribe_token(requests.user_id("asker"), request)
    world.things["unsubscribe"] = (token, token)


def _furnish_the_desk(world: World) -> None:
    """Create an absence of the editor, saved reasons of their organisation,
    and a secret calendar URL.
    """
    absence = requests.act("absence_create", "editor", first="2027-02-01", last="2027-02-05")
    reasons = {"title": "Espèces", "facts": requests.REASON}
    saved = requests.act("saved_answer_save", "editor", organization="ddt-42", **reasons)
    calendar = requests.act("settings_update", "editor", new_calendar=True)["calendar"]
    for thing, value in (
        ("absence", absence["id"]),
        ("saved", saved["id"]),
        ("calendar", calendar),
    ):
        world.things[thing] = (value, value)


def _deliver(world: World, keep: Callable[[str, dict[str, Any]], None]) -> None:
    """Create a request answered in part with a public file,
    and one whose file is for its requester only.
    """
    partly = {"missing": requests.REASON, **requests.REFUSAL}
    for thing, person, transition, given in (
        ("answered", "stranger", "fulfil_partly", partly),
        ("delivered", "asker", "fulfil", {"reach": "requester"}),
    ):
        made = requests.opened(person, title=f"Réponse {thing}")
        upload = FileStorage(io.BytesIO(FILE), "plan.pdf", content_type="application/pdf")
        requests.step(made, transition, "editor", files=[upload], **given)
        keep(thing, made)
        [delivered] = model.Session.query(Delivery).filter_by(request_id=made["id"])
        world.attached.append(attachments.path_of(delivered))
        name = "delivery" if thing == "answered" else "private_delivery"
        world.things[name] = (delivered.id, delivered.id)
    token = delivery.satisfaction_token(model.Session.get_one(Request, world.things["answered"][0]))
    world.things["satisfaction"] = (token, token)


def _make_alerts(world: World) -> None:
    """Save searches of `user` and of a user without an account.

    Keep the tokens of their e-mails and address.
    """
    own = storage.save(
        search="q=eau", frequency="weekly", language="fr", user_id=requests.user_id("stranger")
    )
    world.things["alert"] = (own.id, own.id)
    alert = storage.save(search="q=eau", frequency="daily", language="fr", email="lea@example.org")
    storage.confirm(alert.id, "daily", "fr")
    stranger = model.Session.get_one(model.User, requests.user_id("stranger"))
    tokens = {
        "confirm_address": addresses.token_of(stranger),
        "alert_of_address": alert.id,
        "alert_confirm": mailing.sign(mails.FOR_CONFIRMING, [alert.id, "daily"]),
        "alert_manage": mailing.sign(mails.FOR_MANAGING, alert.subscriber_id),
        "alert_leave": mailing.sign_lasting(mails.FOR_LEAVING, alert.subscriber_id),
    }
    world.things |= {name: (value, value) for name, value in tokens.items()}


def _make_harvest(world: World) -> None:
    source = factories.Dataset(
        type="harvest",
        name="geocatalogue",
        title="Géocatalogue",
        url="http://127.0.0.1:9/csw",
        source_type="ecosphere_csw",
        owner_org=requests.group_id("ddt-42"),
    )
    id_ = source["id"]
    harvested = requests.dataset(name="moissonne")
    context: Any = {"ignore_auth": True, "user": "boss"}
    job: Any = tk.get_action("harvest_job_create")(context, {"source_id": id_, "run": False})
    model.Session.add(JobState(job_id=job["id"], source_id=id_, facts={}))
    record: Any = HarvestObject(
        guid="guid-1",
        job=HarvestJob.get(job["id"]),
        content=RECORD,
        current=True,
        package_id=harvested["id"],
    )
    record.harvest_source_id = id_
    record.save()
    model.Session.add(
        SourceRecord(
            source_id=id_, guid="guid-1", state=PUBLISHED, package_id=harvested["id"], absences=1
        )
    )
    model.Session.add(Hold(source_id=id_, job_id=job["id"], records=1, known=1, limit=0))
    model.Session.commit()
    world.things |= {
        "source": (id_, "geocatalogue"),
        "source_id": (id_, id_),  # ckanext-harvest accepts no names here
        "job": (job["id"], job["id"]),
        "record": (record.id, record.id),
        "harvested": (harvested["id"], "moissonne"),
    }
    notes = {preview.TRIAL: {"url": "http://127.0.0.1:9/csw", "user": "editor"}}
    waiting = Job.create(preview.run_trial, connection=connect_to_redis(), meta=notes)
    waiting.save()
    trial = waiting.id
    world.things["trial"] = (trial, trial)


def make_source(world: World) -> None:
    """Create another source, for calls that cannot be rolled back."""
    name = f"source-{uuid.uuid4()}"
    made = factories.Dataset(
        type="harvest",
        name=name,
        url=f"http://127.0.0.1:9/{name}",
        source_type="ecosphere_csw",
        owner_org=world.things["service"][0],
    )
    world.things["new_source"] = (made["id"], made["name"])


def _make_bulk_edit(world: World) -> None:
    change = bulk.change_of("frequency", "replace", "annuelle")
    run = bulk.create("editor", [world.things["dataset"][0]], change)
    task = model.TaskStatus.get(run)
    assert task is not None
    task.state = "done"
    model.Session.commit()
    world.things["run"] = (run, run)


def _make_services(world: World) -> None:
    """Create datasets with services that were read once and no longer answer,
    and extracts of them.
    """
    resources = [
        {"url": f"http://127.0.0.1:9/{kind}?service={kind}&layers=zh", "format": kind}
        for kind in ("wfs", "wms")
    ]
    for thing, private in (("", False), ("_private", True)):
        made = requests.dataset(
            name=f"avec-services{thing}", private=private, resources=resources, title="Services"
        )
        world.things[f"with_services{thing}"] = (made["id"], made["name"])
        for kind, resource in zip(("wfs", "wms"), made["resources"], strict=True):
            world.things[f"{kind}{thing}"] = (resource["id"], resource["id"])
        asked = {
            "layer": "zh",
            "layer_title": "zh",
            "label": "",
            "box": None,
            "format": "geojson",
            "crs": "EPSG:4326",
        }
        row = extracts.want(made["id"], made["resources"][0]["id"], {**asked, "attributes": []})
        world.things[f"extract{thing}"] = (row.id, row.id)
    for kind in ("wfs", "wms"):
        address = service_at(resources[kind == "wms"]["url"])
        assert address is not None
        layer = Layer("zh", crs=["EPSG:3857"], formats=["application/json"])
        storage_of_services.write([(address, Outcome(Description(kind, layers=[layer])))])


def _make_studies(world: World) -> None:
    """Create a study of `user` that `editor` may change and `admin` may read, a link into it,
    a frame of `editor`.
    """
    people = {persona: world.things[persona][0] for persona in ("user", "editor", "admin")}
    study = Study(
        title=SECRET_TITLE, owner_id=people["user"], site=of_communes(["42147"]).as_dict(), run=1
    )
    study.run_at = study.looked = study_moment()
    model.Session.add(study)
    model.Session.flush()
    label = {"fr": "Zones humides", "en": "Wetlands"}
    need = StudyNeed(
        study_id=study.id,
        group=label,
        need={"id": "wetlands", "label": label, "words": ["zones humides"]},
    )
    writer = StudyMember(study_id=study.id, user_id=people["editor"], may_write=True)
    reader = StudyMember(study_id=study.id, user_id=people["admin"])
    model.Session.add_all([need, writer, reader, StudyRun(study_id=study.id, number=1, results={})])
    model.Session.flush()
    dataset = world.things["dataset"][0]
    model.Session.add(
        StudyDataset(study_need_id=need.id, package_id=dataset, title="Zones humides", rank=1)
    )
    token = studies.make_link(study, may_write=False)
    content = {
        "title": {"fr": "Cadre de la Loire"},
        "sources": [{"key": "guide", "title": "Guide", "url": "https://example.org/guide"}],
        "groups": [
            {
                "id": "nature",
                "label": {"fr": "Nature"},
                "needs": [
                    {
                        "need": "haies-du-forez",
                        "label": {"fr": "Haies"},
                        "words": ["haies"],
                        "why": {"fr": "Le service le demande."},
                        "source": "guide",
                    }
                ],
            }
        ],
    }
    frame = frames.save("", content, people["editor"])
    model.Session.commit()
    written = frames.written(content)
    things = {
        "study": study.id,
        "study_need": need.id,
        "study_member": reader.id,
        "study_link": token,
        "portal_frame": frame.frame_id,
        "frame_content": written,
    }
    world.things |= {thing: (value, value) for thing, value in things.items()}


def _make_publications(world: World) -> None:
    """Create collections of `ddt-42`, one of them not public, and reuses of "asker".

    Keep a dataset in the study.
    """
    dataset, private = world.things["dataset"][0], world.things["private"][0]
    items = [
        {"group": "", "label": "", "note": "", "package_id": id_} for id_ in (dataset, private)
    ]
    for thing, public in (("collection", True), ("private_collection", False)):
        row = Collection(
            name=thing,
            title=thing,
            organization_id=world.things["service"][0],
            public=public,
            items=items,
        )
        model.Session.add(row)
        model.Session.flush()
        world.things[thing] = (row.id, row.name)
    for thing, state in (("reuse", "held"), ("published_reuse", "published")):
        reuse = Reuse(
            kind="map", title=thing, url="https://www.example.org/", state=state, packages=[dataset]
        )
        reuse.author_id = world.things["asker"][0]
        model.Session.add(reuse)
        model.Session.flush()
        world.things[thing] = (reuse.id, reuse.id)
    kept = StudyDataset(
        study_need_id=world.things["study_need"][0], package_id=world.things["tagged"][0]
    )
    kept.decision = "kept"
    model.Session.add(kept)
    model.Session.commit()


def queued() -> int:
    """Return the number of queued background jobs."""
    connection: Any = connect_to_redis()
    return sum(connection.llen(key) for key in connection.smembers("rq:queues"))
