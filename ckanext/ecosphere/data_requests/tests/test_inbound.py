"""Replies by e-mail, as delivered by mail servers: which become comments, which are rejected,
and attempted attacks.
"""

from __future__ import annotations

import re
import time
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from click.testing import CliRunner
from freezegun import freeze_time

from ckanext.ecosphere.data_requests import cli, mail_in, mail_parsing, privacy
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Attachment, Comment, Event, Inbound
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.notifications import delivery as reply_addresses
from ckanext.ecosphere.data_requests.tests.conftest import act, opened, row, step
from ckanext.ecosphere.data_requests.tests.imap_server import Imap
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal", "replies")
PDF = b"%PDF-1.4\n%%EOF\n"


@pytest.fixture
def replies(ckan_config: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setitem(ckan_config, "ecosphere.requests.reply_address", "reply@guichet.example")
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))


def received(postbox: Postbox, person: str = "asker") -> EmailMessage:
    """Return the latest e-mail to a user."""
    delivery.deliver()
    return postbox.to(person)[-1]


def reply(
    to: EmailMessage, text: str = "Merci, c’est noté.", person: str = "asker", **headers: str
) -> EmailMessage:
    """Return a reply to an e-mail, as a mail program would send it."""
    mail = EmailMessage()
    named = {
        "From": f"{person} <{person}@secret.example>",
        "To": str(to["Reply-To"]),
        "Subject": f"Re: {to['Subject']}",
    }
    for name, value in {
        **named,
        "Message-ID": f"<{time.monotonic_ns()}@mail.example>",
        **headers,
    }.items():
        if value:
            mail[name.replace("_", "-")] = value
    mail.set_content(
        f"{text}\n\nLe lun. 2 mars 2026 à 10:12, Guichet <ne-pas@guichet.example> a\nécrit :\n> {body(to)}"
    )
    return mail


def handed_over(mail: EmailMessage | bytes, *options: str) -> str:
    """Pass an e-mail to the command on its standard input; return the command's output."""
    raw = mail if isinstance(mail, bytes) else mail.as_bytes()
    done = CliRunner().invoke(cli.requests, ["mail-in", *options], input=raw)
    assert done.exit_code == 0, done.output
    model.Session.remove()
    return done.output.strip()


def comments() -> list[Comment]:
    return list(model.Session.scalars(sa.select(Comment).order_by(Comment.created)))


def test_an_answer_becomes_a_message_of_its_author_without_what_it_quotes(postbox: Postbox):
    act("settings_update", "asker", language="fr")
    made = opened()
    mail = received(postbox)
    assert re.fullmatch(r"reply\+[a-z0-9-]{1,58}@guichet\.example", str(mail["Reply-To"]))
    assert body(mail).startswith("##-- ") and "que tout le monde peut lire" in body(mail)
    assert handed_over(reply(mail)) == "taken"
    [made_of_it] = act("show", "asker", id=made["id"])["comments"]
    assert made_of_it["html"] == "<p>Merci, c’est noté.</p>\n" and made_of_it["mine"]
    assert made_of_it["author_role"] == "requester"
    delivery.deliver()
    assert any("comment" in subject for subject in postbox.subjects("editor"))


def test_the_requester_answers_a_question_and_the_request_is_back_on_the_desk(postbox: Postbox):
    made = opened()
    day = (clock.today() + timedelta(days=10)).isoformat()
    step(made, "ask_details", "editor", question="Quelle échelle ?", answer_by=day)
    assert handed_over(reply(received(postbox), "Au 1/25 000.")) == "taken"
    assert row(made).state == "open" and not comments()
    assert model.Session.scalars(
        sa.select(Event.comment).where(Event.transition == "answer_details")
    ).all() == ["Au 1/25 000."]


def test_details_with_files_are_kept_as_a_whole_or_not_at_all(postbox: Postbox):
    made = opened()
    day = (clock.today() + timedelta(days=10)).isoformat()
    step(made, "ask_details", "editor", question="Quelle échelle ?", answer_by=day)
    asked = received(postbox)
    for name, outcome, state in (
        ("plan.exe", "invalid", "needs_info"),
        ("plan.pdf", "taken", "open"),
    ):
        mail = reply(asked, "Au 1/25 000, comme sur le plan.")
        mail.add_attachment(PDF, maintype="application", subtype="octet-stream", filename=name)
        assert handed_over(mail) == outcome
        assert row(made).state == state
        assert (
            len(comments())
            == len(model.Session.scalars(sa.select(Attachment)).all())
            == (outcome == "taken")
        )
    written = sa.select(Event.comment).where(Event.transition == "answer_details")
    assert model.Session.scalars(written).all() == ["Au 1/25 000, comme sur le plan."]


@pytest.mark.slow("variants")
def test_what_an_agent_answers_to_the_service_is_a_note_and_to_the_requester_a_message(
    postbox: Postbox,
):
    made = opened()
    assert "internal note" in body(received(postbox, "editor"))
    assert handed_over(reply(received(postbox, "editor"), "Je m’en occupe.", "editor")) == "taken"
    act("comment", "asker", id=made["id"], text="Du nouveau ?")
    assert handed_over(reply(received(postbox, "editor"), "Cette semaine.", "editor")) == "taken"
    assert [(each.text, each.internal, each.author_role) for each in comments()] == [
        ("Je m’en occupe.", True, "editor"),
        ("Du nouveau ?", False, "requester"),
        ("Cette semaine.", False, "editor"),
    ]


@pytest.mark.slow("variants")
def test_an_answer_to_a_note_among_messages_is_a_note(postbox: Postbox):
    made = opened()
    delivery.deliver()
    postbox.clear()
    act("comment", "asker", id=made["id"], text="Et le sud ?")
    act("comment", "editor", id=made["id"], text="Je regarde avec le bureau.", internal=True)
    mail = received(postbox, "admin")
    assert "2 new comments" in str(mail["Subject"])
    assert "Internal note – " in body(mail) and "becomes an internal note" in body(mail).replace(
        "\n", " "
    )
    assert handed_over(reply(mail, "Entre nous.", "admin")) == "taken"
    assert [each.internal for each in comments()] == [False, True, True]


def test_what_a_new_person_answers_waits_for_a_moderator(
    postbox: Postbox, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    opened()
    monkeypatch.setitem(ckan_config, "ecosphere.requests.release_after", 3)
    assert handed_over(reply(received(postbox))) == "taken"
    assert [each.moderation for each in comments()] == ["held"]


def test_attached_files_pass_the_checks_of_the_house(postbox: Postbox):
    opened()
    mail = reply(received(postbox))
    mail.add_attachment(PDF, maintype="application", subtype="pdf", filename="plan.pdf")
    mail.add_attachment(b"a;b\n1;2\n", maintype="text", subtype="csv", filename="../../points.csv")
    first = postbox.to("asker")[-1]
    assert handed_over(mail) == "taken"
    assert set(model.Session.scalars(sa.select(Attachment.name))) == {"plan.pdf", "points.csv"}
    for name, content in (("virus.exe", b"MZ"), ("faux.pdf", b"MZ"), ("vide.pdf", b"")):
        bad = reply(first, "Voici.")
        bad.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
        assert handed_over(bad) == "invalid"
    assert len(comments()) == 1, "nothing of an e-mail with a bad file is kept"


@pytest.mark.few(4, "values")
@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"Auto-Submitted": "auto-replied"}, "automatic"),
        ({"Precedence": "bulk"}, "automatic"),
        ({"Return-Path": "<>"}, "automatic"),
        ({"X-Autoreply": "yes"}, "automatic"),
        ({"X-Auto-Response-Suppress": "All"}, "automatic"),
        ({"Subject": "Réponse automatique : Demande EN-2026-1"}, "automatic"),
        ({"Subject": "=?utf-8?q?Out_of_Office=3A_the_request?="}, "automatic"),
        ({"List-Id": "<liste.example>"}, "automatic"),
        ({"From": "MAILER-DAEMON@mail.example"}, "automatic"),
        ({"To": "reply@guichet.example"}, "not_ours"),
        ({"To": "reply+1-fzz-aaaaaaaaaaaaaaaaaaaa@guichet.example"}, "not_ours"),
        ({"From": "evil@attacker.example"}, "other_sender"),
        ({"From": "asker@secret.example, evil@attacker.example"}, "other_sender"),
        # Mail servers that verify senders see two addresses here.
        ({"From": f"asker@secret.example, {'e' * 330}@attacker.example"}, "other_sender"),
        ({"From": ""}, "other_sender"),
    ],
)
def test_what_is_no_answer_of_the_person_is_no_message(
    postbox: Postbox, headers: dict[str, str], outcome: str
):
    opened()
    first = received(postbox)
    postbox.clear()
    assert (
        handed_over(
            reply(first, **{name.replace("-", "_"): value for name, value in headers.items()})
        )
        == outcome
    )
    assert not comments()
    # Only the user is answered, at the address of their account, and only if the token is valid.
    expected = ["asker@secret.example"] if outcome == "other_sender" else []
    assert [mail["To"].addresses[0].addr_spec for mail in postbox.mails] == expected


def test_an_absence_message_that_encodes_its_subject_badly_is_none_either(postbox: Postbox):
    opened()
    raw = reply(received(postbox), Subject="SUBJECT").as_bytes()
    assert (
        handed_over(raw.replace(b"SUBJECT", "Réponse automatique : congés".encode())) == "automatic"
    )


def test_a_foreign_token_an_old_one_and_one_of_another_portal_are_no_use(
    postbox: Postbox, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    made = opened(visibility="private")
    mine = received(postbox)
    # Another user who obtained the reply address writes from their own account.
    assert handed_over(reply(mine, person="stranger")) == "other_sender"
    with freeze_time(clock.now() + timedelta(days=91)):
        assert handed_over(reply(mine)) == "expired"
    number, day, digest = str(mine["Reply-To"]).split("+")[1].split("@")[0].split("-")
    for forged in (
        f"{number}0-{day}-{digest}",
        f"{number}-{day}0-{digest}",
        f"{number}-{day}-{'a' * 20}",
    ):
        assert handed_over(reply(mine, To=f"reply+{forged}@guichet.example")) == "not_ours"
    with monkeypatch.context() as leaked:
        leaked.setattr(reply_addresses.mailing, "link_key", lambda: ckan_config["SECRET_KEY"])
        forged = reply_addresses._signed(number, day)
    assert handed_over(reply(mine, To=f"reply+{forged}@guichet.example")) == "not_ours"
    monkeypatch.setattr(reply_addresses.mailing, "link_key", lambda: "of-another-portal-0123456789")
    assert handed_over(reply(mine)) == "not_ours"
    assert not comments() and row(made).comment_count == 0


def test_the_server_may_write_the_address_in_small_letters_and_name_it_in_the_envelope_alone(
    postbox: Postbox,
):
    opened()
    first = received(postbox)
    hidden = reply(first, To="undisclosed-recipients:;")
    assert handed_over(hidden) == "not_ours"
    assert handed_over(hidden, "--recipient", str(first["Reply-To"]).upper()) == "taken"


def test_the_same_mail_is_taken_once(postbox: Postbox):
    opened()
    mail = reply(received(postbox))
    assert [handed_over(mail) for _each in range(3)] == ["taken", "seen", "seen"]
    assert len(comments()) == 1


def test_what_cannot_be_taken_is_told_in_one_clear_mail_in_the_language_of_the_person(
    postbox: Postbox,
):
    act("settings_update", "asker", language="fr")
    made = opened()
    first = received(postbox)
    postbox.clear()
    links = " ".join(f"https://spam.example/{number}" for number in range(9))
    assert handed_over(reply(first, links)) == "invalid"
    [mail] = postbox.mails
    assert f"Votre courriel sur la demande {made['reference']} n’a pas été pris en compte" in str(
        mail["Subject"]
    )
    assert "Trop de liens" in body(mail) and f"/fr/demandes/{made['reference']}" in body(mail)
    assert mail["Auto-Submitted"] == "auto-replied" and "Reply-To" not in mail
    assert handed_over(mail.as_bytes()) == "not_ours"  # ends mail loops


@pytest.mark.slow("load")
def test_answers_to_bad_mails_are_few_and_a_flood_is_not_looked_at(postbox: Postbox):
    opened()
    first = received(postbox)
    postbox.clear()
    outcomes = [handed_over(reply(first, "")) for _each in range(64)]
    assert len(postbox.mails) == 5
    assert outcomes[:60] == ["empty"] * 60 and outcomes[-1] == "flood"


@pytest.mark.slow("variants")
def test_strangers_with_a_reply_address_do_not_keep_its_person_from_answering(postbox: Postbox):
    opened()
    first = received(postbox)
    postbox.clear()
    outcomes = [
        handed_over(reply(first, "", **{"From": "evil@attacker.example"})) for _each in range(64)
    ]
    assert set(outcomes) == {"other_sender"} and len(postbox.mails) == 5
    assert handed_over(reply(first)) == "taken"
    assert handed_over(reply(first, "")) == "empty" and len(postbox.mails) == 6


@pytest.mark.few(3, "values")
@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        (
            ["mx.guichet.example; spf=pass smtp.mailfrom=secret.example; dmarc=pass (p=REJECT)"],
            "taken",
        ),
        (["mx.guichet.example 1;\r\n\tDMARC = pass header.from=secret.example"], "taken"),
        (["mx.guichet.example; dmarc=pass", "mx.evil.example; dmarc=fail"], "taken"),
        ([], "unverified"),
        (["mx.guichet.example; none"], "unverified"),
        (["mx.guichet.example; spf=pass; dmarc=fail (p=NONE)"], "unverified"),
        (["mx.guichet.example; dmarc=passive"], "unverified"),
        # What strangers write: another server, a second header, a comment, a quoted string, an
        # endless one.
        (["mx.evil.example; dmarc=pass"], "unverified"),
        (["mx.guichet.example; dmarc=fail", "mx.guichet.example; dmarc=pass"], "unverified"),
        (["mx.guichet.example; spf=fail (a (b; dmarc=pass; ) c); dmarc=none"], "unverified"),
        (
            [
                'mx.guichet.example; spf=fail smtp.mailfrom="a;dmarc=pass;\\"b"@evil.example; dmarc=fail'
            ],
            "unverified",
        ),
        (['mx.guichet.example; spf=fail (a"); dmarc=pass (") ; dmarc=fail'], "unverified"),
        (["mx.guichet.example; dmarc=pass; " + "(" * 9_000], "unverified"),
    ],
)
def test_senders_are_those_that_the_mail_server_has_verified(
    postbox: Postbox,
    ckan_config: Any,
    monkeypatch: pytest.MonkeyPatch,
    results: list[str],
    outcome: str,
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.reply_authserv_id", "mx.guichet.example")
    opened()
    mail = reply(received(postbox))
    stamps = "".join(f"Authentication-Results: {each}\r\n" for each in results)
    assert handed_over(stamps.encode() + mail.as_bytes()) == outcome
    assert len(comments()) == (outcome == "taken")


def _multipart(first: EmailMessage, parts: bytes, kind: str = "mixed") -> bytes:
    start = f"From: asker@secret.example\r\nTo: {first['Reply-To']}\r\nMessage-ID: <{time.monotonic_ns()}@x>\r\n"
    return (
        f'{start}MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary="b"\r\n\r\n'.encode()
        + parts
    )


def _nested(depth: int, end: bytes = b"\r\n", before: bytes = b" ") -> bytes:
    opening = b"".join(
        end.join(
            (
                b"--b%d" % n,
                b"Content-Type:%smultipart/mixed; boundary=b%d" % (before, n + 1),
                b"",
                b"",
            )
        )
        for n in range(depth)
    )
    return b"--b\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n" + opening


@pytest.mark.slow("load")
@pytest.mark.parametrize(
    ("parts", "outcome"),
    [
        (b"--b\r\nContent-Type: text/plain\r\n\r\n" + b"x" * (20 * 1024 * 1024), "too_large"),
        (b"--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\na\r\n" * 10_000, "too_complex"),
        (b"\r\n" * 500_000, "too_complex"),
        (_nested(10_000), "too_complex"),
        (b"--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\na\r\n" * 30, "too_many_files"),
        (b"--b\r\nContent-Type: text/plain\r\n\r\n\r\n--b--", "empty"),
        (b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<div>" * 40_000 + b"\r\n--b--", "empty"),
        (b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<![CDATA[" * 20_000 + b"\r\n--b--", "empty"),
        # Python's parser also ends lines at a lone CR, and strips other control characters around a
        # content type.
        (_nested(200, end=b"\r") + b"x\r" * 400_000, "too_complex"),
        (_nested(200, before=b"\x1c") + b"x\r\n" * 300_000, "too_complex"),
        (b'--b\rContent-Disposition: attachment; filename="' + b"; a=b" * 100_000 + b"\r\rx\r--b--\r", "too_complex"),
        ((b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<i></i>" * 28_000 + b"\r\n") * 55 + b"--b--", "empty"),
    ],
    ids=[
        "20MB", "10000-files", "500000-lines", "10000-deep", "30-files", "empty", "deep-html", "cdata",
        "deep-by-returns", "deep-by-controls", "long-by-returns", "55-texts",
    ],
)  # fmt: skip
def test_what_is_made_to_choke_the_portal_is_refused_in_no_time(
    postbox: Postbox, parts: bytes, outcome: str
):
    opened()
    first = received(postbox)
    begun = time.process_time()
    assert handed_over(_multipart(first, parts)) == outcome
    assert time.process_time() - begun < 5
    assert not comments()


@pytest.mark.few(2, "values")
@pytest.mark.parametrize(
    ("charset", "content", "text"),
    [
        ("utf-8", "Voil\u00e0 \x00NUL".encode(), "Voilà NUL"),
        ("iso-8859-1", "Voil\u00e0".encode("latin-1"), "Voilà"),
        ("windows-1252", "l\u2019\u0153uvre \u20ac".encode("cp1252"), "l’œuvre €"),
        ("utf-7", b"+AGE-bc", "abc"),
        ("x-nobody-knows", b"abc", "abc"),
        ("base64", b"abc", "abc"),
        ("idna", b"abc", "abc"),
        ("punycode", b"abc-kva", "abc-kva"),
        ("unicode_escape", rb"a\ud800\x00", r"a\ud800\x00"),
        ("utf-8", b"\xff\xfeabc\xed\xa0\x80", "\ufffd\ufffdabc\ufffd\ufffd\ufffd"),
    ],
)
def test_odd_character_sets_are_read_or_replaced(
    postbox: Postbox, charset: str, content: bytes, text: str
):
    opened()
    part = (
        b"--b\r\nContent-Type: text/plain; charset="
        + charset.encode()
        + b"\r\n\r\n"
        + content
        + b"\r\n--b--\r\n"
    )
    assert handed_over(_multipart(received(postbox), part)) == "taken"
    assert [each.text for each in comments()] == [text]


#: Texts for which the header parsers of the standard library take quadratic time or exceed the
#: recursion limit.
TANGLED = (
    "a@b.fr," * 17_000, "(" * 100_000, '"' * 100_000, "\\" * 100_000, "a:" * 50_000, "a " * 50_000, "; a=b" * 20_000,
    "=?punycode?q?" + "a" * 100_000 + "-kva?= <a@b.fr>", "a." * 50_000 + "@b.fr",
    'multipart/mixed; a="' + "; a=b" * 24_000,
)  # fmt: skip


@pytest.mark.slow("load")
def test_headers_of_strangers_are_read_in_no_time(postbox: Postbox):
    """Anyone may write to the portal's address: headers are read
    before anything else is checked.
    """
    opened()
    to = str(received(postbox)["Reply-To"])
    for text in TANGLED:
        for name in (
            "From",
            "Cc",
            "Auto-Submitted",
            "Content-Type",
            "Message-ID",
            "X: y\rContent-Type",
        ):
            named = {"From": "asker@secret.example", name: text}
            headers = "".join(f"{key}: {value}\r\n" for key, value in named.items())
            begun = time.process_time()
            handed_over(f"{headers}To: {to}\r\n\r\nx".encode())
            assert time.process_time() - begun < 2, f"{name}: {text[:20]}"
    assert {each.text for each in comments()} <= {"x"}


def test_the_name_of_a_file_is_read_as_mail_programs_write_it(postbox: Postbox):
    opened()
    name = '"=?utf-8?q?d=C3=A9cision.pdf?="'
    part = f"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename={name}\r\n\r\n"
    assert (
        handed_over(_multipart(received(postbox), part.encode() + PDF + b"\r\n--b--\r\n"))
        == "taken"
    )
    assert [each.name for each in model.Session.scalars(sa.select(Attachment))] == ["décision.pdf"]


def test_headers_that_are_broken_or_injected_break_nothing(postbox: Postbox):
    opened()
    first = received(postbox)
    for raw in (
        b"",
        b"\x00" * 100,
        b"\r\n\r\nno headers",
        b"A: b\r\n" * 40_000,
        b"From: =?utf-8?q?"
        + b"=FF" * 5000
        + b"?= <asker@secret.example>\r\nTo: "
        + b"<" * 5000
        + b"\r\n\r\nx",
        b'From: "" <@@>\r\nTo: '
        + str(first["Reply-To"]).encode()
        + b", <>\r\nContent-Type: ;;;==\r\n\r\nx",
    ):
        assert handed_over(raw) in ("broken", "too_complex", "not_ours", "other_sender")
    postbox.clear()
    sneaky = f'From: "x\\r\\nBcc: victim@example.org" <evil@attacker.example>\r\nTo: {first["Reply-To"]}\r\n\r\nx'.encode()
    assert handed_over(sneaky) == "other_sender"
    [answer] = postbox.mails
    assert "Bcc" not in answer and "victim" not in body(answer)
    assert not comments()


def test_html_is_read_as_text_without_what_it_quotes_or_hides(postbox: Postbox):
    opened()
    html = (
        "<html><head><style>p{}</style><script>alert(1)</script></head><body><p>Bonjour,</p><p>Oui &amp; non<br>"
        "<b>deux</b> lignes</p><div class='gmail_quote'>Le guichet a écrit : <blockquote>cité</blockquote></div>"
    )
    part = (
        b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html.encode() + b"\r\n--b--\r\n"
    )
    assert handed_over(_multipart(received(postbox), part)) == "taken"
    [made] = comments()
    assert made.text == "Bonjour,\n\nOui & non\ndeux lignes"


@pytest.mark.parametrize(
    "quotation",
    [
        "Le lun. 2 mars 2026 à 10:12, Guichet <x@y.fr> a écrit :",
        "On Mon, 2 Mar 2026, Guichet wrote:",
        "-----Message d'origine-----",
        "-----Original Message-----",
        "________________________________",
        "De : Guichet <x@y.fr>",
        "-- ",
        "Envoyé de mon iPhone",
        "##-- Répondez au-dessus de cette ligne --##",
    ],
)
def test_what_mail_programs_write_beneath_is_cut_off(quotation: str):
    assert mail_parsing.own_words(f"Oui.\n\n> cité\n{quotation}\nla suite") == "Oui."
    assert (
        mail_parsing.own_words("On peut dire : oui.\nLe plan est joint")
        == "On peut dire : oui.\nLe plan est joint"
    )


@pytest.mark.slow("variants")
def test_a_digest_and_the_mailbox_of_a_service_carry_no_reply_address(postbox: Postbox):
    act("settings_update", "stranger", digest="daily")
    made, other = opened(), opened(title="Haies du Forez")
    for each in (made, other):
        act("follow", "stranger", id=each["id"])
        step(each, "start", "editor", planned=(clock.today() + timedelta(days=3)).isoformat())
    with freeze_time(clock.now() + timedelta(days=2)):
        delivery.digests()
        delivery.deliver()
    assert "Reply-To" not in postbox.to("stranger")[-1]


def test_without_an_address_nothing_is_offered_and_nothing_taken(
    postbox: Postbox, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    opened()
    first = received(postbox)
    monkeypatch.setitem(ckan_config, "ecosphere.requests.reply_address", "")
    assert handed_over(reply(first)) == "not_ours"
    opened()
    later = received(postbox)
    assert "Reply-To" not in later and "##--" not in body(later)


def test_a_mailbox_is_emptied_over_imap_once_and_a_large_mail_is_not_fetched(
    postbox: Postbox, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    opened()
    first = received(postbox)
    large = _multipart(first, b"--b\r\n\r\n" + b"x" * (16 * 1024 * 1024))
    with Imap([reply(first).as_bytes(), b"no mail", large], "user", "pass word") as server:
        monkeypatch.setitem(
            ckan_config,
            "ecosphere.requests.imap",
            f"imap://user@127.0.0.1:{server.port}/Re%20ponses",
        )
        monkeypatch.setitem(ckan_config, "ecosphere.requests.imap_password", "wrong")
        with pytest.raises(mail_in.FAULTS):
            mail_in.fetch()
        monkeypatch.setitem(ckan_config, "ecosphere.requests.imap_password", "pass word")
        server.withheld = {1}
        assert (mail_in.fetch(), comments()) == (2, [])
        server.withheld = set()
        assert (mail_in.fetch(), mail_in.fetch()) == (1, 0)
        assert server.sent < 100_000
    assert len(comments()) == 1
    assert any("too large" in body(mail) for mail in postbox.to("asker"))


@pytest.mark.slow("load")
def test_a_mailbox_full_of_junk_costs_little_and_delays_no_reply(
    postbox: Postbox, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    opened()
    first = received(postbox)
    junk = b"From: evil@attacker.example\r\nTo: reply@guichet.example\r\n\r\n" + b"x" * 100_000
    with Imap([*[junk] * 150, reply(first).as_bytes()], "user", "word") as server:
        monkeypatch.setitem(
            ckan_config, "ecosphere.requests.imap", f"imap://user@127.0.0.1:{server.port}/INBOX"
        )
        monkeypatch.setitem(ckan_config, "ecosphere.requests.imap_password", "word")
        assert mail_in.fetch() == 151
        assert server.sent < 100_000
    assert len(comments()) == 1


def test_a_fault_of_ours_does_not_lose_a_mail(postbox: Postbox, monkeypatch: pytest.MonkeyPatch):
    opened()
    mail = reply(received(postbox))
    with monkeypatch.context() as broken:
        broken.setattr(mail_parsing, "read_body", lambda raw: 1 / 0)
        done = CliRunner().invoke(cli.requests, ["mail-in"], input=mail.as_bytes())
        assert done.exit_code == 75
    model.Session.rollback()
    assert handed_over(mail) == "taken"


def test_what_is_kept_of_mails_is_handed_out_and_forgotten(postbox: Postbox):
    opened()
    handed_over(reply(received(postbox)))
    user = model.User.get("asker")
    assert user is not None
    assert [each["outcome"] for each in privacy.export(user)["mails"]] == ["taken"]
    privacy.erase(user)
    assert model.Session.scalars(sa.select(Inbound.user_id)).all() == [None]


def test_an_email_that_is_attached_is_nobodys_words_and_none_of_its_files_is_shown(
    postbox: Postbox,
):
    opened()
    other = EmailMessage()
    other["Subject"] = "Interne"
    other.set_content("Le mot de passe est azerty.")
    other.add_attachment(PDF, maintype="application", subtype="pdf", filename="interne.pdf")
    mail = reply(received(postbox))
    mail.clear_content()
    mail.set_content("<p>Voir ci-joint.</p>", subtype="html")
    mail.add_attachment(other)
    assert handed_over(mail) == "taken"
    assert [each.text for each in comments()] == ["Voir ci-joint."]
    assert not model.Session.scalars(sa.select(Attachment)).all()
