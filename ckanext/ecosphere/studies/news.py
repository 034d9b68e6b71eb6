"""What appears later is told: a nightly look for what nobody published, and the e-mails about
studies.

An e-mail names the study and its needs, never its site; it is written when it is sent, with what
its reader may read then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.shared import characters, dates, language, mailing
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.studies import candidates, config, frames, shown, states, store, wording
from ckanext.ecosphere.studies.model import Study, StudyNeed
from ckanext.ecosphere.work.jobs import Job, one_by_one
from ckanext.ecosphere.work.model import Work
from ckanext.ecosphere.work.outbox import Outbox, Unwanted

APPEARED, EXPIRES, INVITED = "appeared", "expires", "invited"
#: A study is looked at once a day.
AGAIN = timedelta(hours=20)
#: Studies looked at in one run of the job; the next one continues.
AT_ONCE = 100
#: How long before the end of a permitted use its reminder is sent.
REMINDED = timedelta(days=14)
MOST_TITLES = 5
LOOKING = "studies:news"
_HERE = "ckanext.ecosphere.studies.news"


def _due() -> sa.Select[Any]:
    late = sa.or_(Study.looked.is_(None), Study.looked < now() - AGAIN)
    query = sa.select(Study.id).where(Study.state == store.ACTIVE, Study.run > 0, late)
    return query.order_by(Study.looked.nulls_first(), Study.id)


def _is_due() -> bool:
    is_one_due = model.Session.scalar(sa.select(_due().exists()))
    model.Session.rollback()
    return bool(is_one_due)


LOOK = Job(
    name="ecosphere-studies-look",
    function=f"{_HERE}.look",
    title="Studies: what has appeared",
    queue=config.QUEUE,
    seconds=3600,
    has_work=_is_due,
    lock=LOOKING,
)
OUTBOX = Outbox(
    name="ecosphere-studies-mails",
    function=f"{_HERE}.deliver",
    title="Studies: e-mails",
    queue=config.QUEUE,
    kept=timedelta(days=30),
)
JOBS = (LOOK, OUTBOX)


def look() -> int:
    """Look whether what nobody published has appeared (background job).

    Return in how many studies it has.
    """
    with Locks() as locks:
        if not locks.take(LOOKING):
            return 0  # another process looks
        ids = list(model.Session.scalars(_due().limit(AT_ONCE)))
        model.Session.rollback()
        number = one_by_one(ids, _look_at)
    OUTBOX.enqueue()
    return number


def _look_at(study_id: str) -> int:
    """Look at the missing needs of a study with the rights of its owner.

    Return 1 if data for one have appeared.
    """
    study = model.Session.get(Study, study_id)
    if study is None:
        return 0
    study.looked = now()
    model.Session.commit()
    owner = model.Session.get(model.User, study.owner_id)
    missing = [row for row in store.needs(study) if row.relevant and _is_missing(row)]
    if owner is None or owner.state != model.State.ACTIVE or not missing:
        return 0
    context = {"user": owner.name, "auth_user_obj": owner}
    appeared = _appeared(study, missing, context)
    if not appeared:
        return 0
    study = store.locked(study_id)
    servers = store.look(study, appeared, context)
    for row in appeared:
        store.settle(study, row)
    content = {"study": study.id, "needs": [row.id for row in appeared]}
    OUTBOX.add([{"recipient": owner.id, "kind": APPEARED, "content": content}])
    store.save(study, servers)
    return 1


def _is_missing(row: StudyNeed) -> bool:
    return (row.finding or {}).get("state") in (*store.MISSING, states.REQUESTED)


def _appeared(study: Study, missing: Sequence[StudyNeed], context: Any) -> list[StudyNeed]:
    """Return the needs for which there is a dataset that was never proposed,
    and that says something of the site.
    """
    searched = [frames.Need.of_dict(row.need) for row in missing]
    offered = candidates.look(searched, store.site_of(study), context)
    datasets_known = store.datasets(missing)
    appeared = []
    for row in missing:
        ids = {stored.package_id for stored in datasets_known[row.id]}
        offers = offered.get(str(row.need.get("id")), [])
        present = {offer.package_id for offer in offers if offer.finding.state not in store.MISSING}
        if present - ids:
            appeared.append(row)
    return appeared


def remind(study: Study, row: StudyNeed, user_id: str, until: date) -> None:
    """Plan the reminder of the end of a permitted use; the caller commits."""
    moment = datetime.combine(until - REMINDED, time(6), tzinfo=dates.zone())
    content = {"study": study.id, "needs": [row.id], "until": until.isoformat()}
    mail = {"recipient": user_id, "kind": EXPIRES, "key": f"{row.id}:{until}", "content": content}
    OUTBOX.add([{**mail, "due": max(moment, now())}])


def tell_invited(study: Study, user_id: str) -> None:
    """Tell a person, once, that a study is shared with them.

    The caller commits, then calls `OUTBOX.enqueue`.
    """
    content = {"study": study.id, "needs": []}
    mail = {"recipient": user_id, "kind": INVITED, "key": f"invited:{study.id}"}
    OUTBOX.add([{**mail, "content": content}])


def forget_study(study_id: str) -> None:
    """Delete the e-mails about a study; the caller commits."""
    about = Work.content["study"].astext == study_id
    model.Session.execute(sa.delete(Work).where(OUTBOX.rows, about))


def deliver() -> int:
    """Send the e-mails that are due (background job); return how many."""
    OUTBOX.purge()
    model.Session.commit()
    return OUTBOX.deliver(_write)


def _write(mail: Work) -> dict[str, Any]:
    """Return the parameters of an e-mail.

    Raises:
        Unwanted: its reader is gone, or may not read the study any more, or it was deleted.
    """
    user = model.Session.get(model.User, mail.recipient)
    study = model.Session.get(Study, mail.content["study"])
    if user is None or user.state != model.State.ACTIVE or not user.email:
        raise Unwanted("no reader")
    if study is None or not store.role(study, user.id):
        raise Unwanted("no study")
    kind, key = mail.kind, str(mail.id)
    needs = _needs(study, mail, user)
    until, title, study_id = mail.content.get("until"), _harmless(study.title), study.id
    name, email, user_id = user.display_name, user.email, user.id
    # CKAN closes its session at the end of the block: what is needed of it was read before.
    with language.speaking(None):
        button = tk._("See the study")
        address = tk.url_for("ecosphere_studies.read", id=study_id, _external=True)
        subject = mailing.subject(_sentence(kind, "subject"))
        line = _sentence(kind, "line")
        items = [(frames.text_in(label), titles) for label, titles in needs]
        texts = {
            "subject": subject,
            "greeting": tk._("Hello {name},").format(name=_harmless(name)),
            "lines": [line.format(title=title, date=dates.day(until))],
            "needs": items,
            "button": (button, address),
            "closing": _sentence(kind, "closing"),
        }
        values = {"letter": texts, "labelled": mailing.labelled}
        headers = {"Message-ID": mailing.message_id("studies", key, user_id)}
        return {
            "headers": {**mailing.AUTOMATIC, **headers},
            "recipient_name": name,
            "recipient_email": email,
            "subject": subject,
            "body": tk.render("emails/ecosphere_studies.txt", values),
            "body_html": tk.render("emails/ecosphere_studies.html", values),
        }


def _sentence(kind: str, part: str) -> str:
    sentence = wording.MESSAGES["letters"][f"{kind}-{part}"]
    return tk._(sentence)


def _harmless(text: str) -> str:
    return mailing.harmless(characters.one_line(text))


def _needs(study: Study, mail: Work, user: model.User) -> list[tuple[dict[str, str], list[str]]]:
    """Return the labels of the needs of an e-mail.

    Of what has appeared also titles that its reader may read.
    """
    rows = [row for row in store.needs(study) if row.id in mail.content["needs"]]
    by_need = store.datasets(rows)
    context = {"user": user.name, "auth_user_obj": user}
    needs = []
    for row in rows:
        titles = []
        if mail.kind == APPEARED:
            readable = shown.Readable.of(by_need[row.id], context)
            titles = [each.title for each in by_need[row.id] if each.package_id in readable.names]
        needs.append((row.need["label"], titles[:MOST_TITLES]))
    return needs
