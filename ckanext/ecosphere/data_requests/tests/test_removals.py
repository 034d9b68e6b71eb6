"""Removal of files when people are anonymised: kept on rollback, deleted after the commit,
retried on failure.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
import sqlalchemy.event
import sqlalchemy.exc
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests import attachments, config, privacy, transitions
from ckanext.ecosphere.data_requests.model import Attachment, Delivery, Request
from ckanext.ecosphere.data_requests.notifications import scheduled
from ckanext.ecosphere.data_requests.tests.conftest import REASON, act, opened, step, user_id
from ckanext.ecosphere.data_requests.tests.test_answers import file
from ckanext.ecosphere.data_requests.tests.test_guards import PDF, upload
from ckanext.ecosphere.data_requests.tests.test_pages import visit

pytestmark = pytest.mark.usefixtures("portal")


@pytest.fixture(autouse=True)
def storage(ckan_config: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))


def files() -> list[Path]:
    folder = config.folder()
    assert folder is not None
    return sorted(each for each in folder.rglob("*") if each.is_file())


def with_files() -> dict[str, Any]:
    """A request with an attachment of its requester and an answer for the requester alone."""
    made = opened()
    act("comment", "asker", id=made["id"], text="Voici", upload=upload("plan.pdf", PDF))
    step(made, "fulfil", "editor", files=[file()], reach="requester")
    assert len(files()) == 2
    return made


def failing(session: Any) -> None:
    raise sa.exc.OperationalError(
        "COMMIT", {}, Exception("the server closed the connection unexpectedly")
    )


def person() -> model.User:
    found = model.User.get("asker")
    assert found is not None
    return found


@pytest.mark.few(1, "kills")
@pytest.mark.parametrize("forgetting", ["erase", "anonymise"])
def test_a_commit_that_fails_loses_no_file(forgetting: str):
    made, user = with_files(), person()
    sa.event.listen(model.Session, "before_commit", failing)
    try:
        with pytest.raises(sa.exc.OperationalError):
            if forgetting == "erase":
                privacy.erase(user)
            else:
                privacy.anonymise(model.Session.get_one(Request, made["id"]))
                model.Session.commit()
    finally:
        sa.event.remove(model.Session, "before_commit", failing)
        model.Session.rollback()
    model.Session.commit()  # a later commit does not delete the files either
    assert len(files()) == 2
    assert len(model.Session.scalars(sa.select(Attachment)).all()) == 1
    assert len(model.Session.scalars(sa.select(Delivery)).all()) == 1
    assert scheduled.tick()["files_removed"] == 0 and len(files()) == 2


def test_a_step_that_is_refused_at_last_leaves_no_file(monkeypatch: pytest.MonkeyPatch):
    def refusing(*_: Any) -> None:
        raise tk.ValidationError({"author": ["No."]})

    made = opened()
    monkeypatch.setattr(transitions.letters, "of_event", refusing)
    partly = {"reach": "requester", "missing": "Le sud", "ground": "part-not-held", "facts": REASON}
    with pytest.raises(tk.ValidationError) as refused:
        step(made, "fulfil_partly", "editor", files=[file()], **partly)
    assert list(refused.value.error_dict) == ["author"]
    assert files() == [] and not model.Session.scalars(sa.select(Delivery)).all()


def test_an_upload_that_breaks_off_leaves_no_file():
    class Broken:
        filename = "plan.pdf"

        def read(self, size: int) -> bytes:
            raise OSError("the browser went away")

    with pytest.raises(OSError, match="went away"):
        attachments.check(Broken())
    assert files() == []


def test_files_of_requests_treated_together_are_removed_when_one_cannot_be_copied(
    monkeypatch: pytest.MonkeyPatch,
):
    first, second = opened(), opened("friend", title="La même chose")
    step(second, "join", "editor", target=first["id"])
    twin = attachments.twin
    twins: list[attachments.AcceptedFile] = []

    def full_disk(accepted: attachments.AcceptedFile) -> attachments.AcceptedFile:
        if twins:
            raise OSError("no space left on device")
        twins.append(twin(accepted))
        return twins[0]

    monkeypatch.setattr(attachments, "twin", full_disk)
    with pytest.raises(OSError, match="no space left"):
        step(first, "fulfil", "editor", files=[file(), file()], reach="everyone")
    assert twins and files() == []


def test_a_person_who_erases_their_data_leaves_no_file(app: CKANTestApp):
    with_files()
    assert visit(app, "asker", "/demandes/effacer-mes-donnees", sure="1").status_code == 302
    assert files() == []


def test_a_file_that_resists_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch):
    with_files()
    stubborn, other = [aged(each, each.read_bytes()) for each in files()]
    with monkeypatch.context() as resisting:
        unlink = Path.unlink

        def resist(path: Path, missing_ok: bool = False) -> None:
            if path == stubborn:
                raise PermissionError(str(path))
            unlink(path, missing_ok)

        resisting.setattr(Path, "unlink", resist)
        privacy.erase(person())
        assert not other.exists() and stubborn.exists()
        assert user_id("asker")  # the session is still usable
        assert (
            scheduled.tick()["files_removed"] == -1
        )  # reported by the scheduled job, and by its exit status
    assert scheduled.tick()["files_removed"] == 1 and not stubborn.exists()


def aged(path: Path, content: bytes = b"x") -> Path:
    """Create a file modified two days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - 2 * 86_400,) * 2)
    return path


def test_what_no_row_knows_is_removed_after_a_day():
    made, folder = with_files(), config.folder()
    assert folder is not None
    known = files()
    for each in known:
        aged(each, each.read_bytes())
    strays = [
        aged(folder / made["id"] / "answer-left"),
        aged(folder / "gone" / "left"),
        aged(folder / ".new-left"),
    ]
    others = [folder / made["id"] / "just-brought", folder / ".new-just-now"]
    for each in others:
        each.write_bytes(b"x")
    others.append(aged(folder / "note-of-an-administrator.txt"))
    elsewhere = aged(folder.parent / "elsewhere" / "kept")
    (folder / "link").symlink_to(elsewhere.parent)
    done = [scheduled.tick()["files_removed"] for _each in range(2)]
    assert done == [len(strays), 0] and not any(each.exists() for each in strays)
    assert all(each.exists() for each in (*known, *others, elsewhere))


def test_a_process_that_is_killed_leaves_no_file_for_ever(monkeypatch: pytest.MonkeyPatch):
    made = opened()
    brought: list[Path] = []
    keep = attachments.move_in

    def killed(path: Path, place: Path) -> None:
        keep(path, place)
        brought.append(place)
        model.Session().info.clear()  # the process that would undo it is gone
        raise KeyboardInterrupt

    monkeypatch.setattr(attachments, "move_in", killed)
    with pytest.raises(KeyboardInterrupt):
        act("comment", "asker", id=made["id"], text="Voici", upload=upload("plan.pdf", PDF))
    model.Session.rollback()
    assert files() == brought
    assert scheduled.tick()["files_removed"] == 0 and files() == brought
    os.utime(brought[0], (time.time() - 2 * 86_400,) * 2)
    assert scheduled.tick()["files_removed"] == 1 and not files()
