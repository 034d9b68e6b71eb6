"""Hostile and broken XML: refused with a reason, or repaired."""

import pytest

from ckanext.ecosphere.harvest.iso import xml
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError, sentence

UTF_16 = '<?xml version="1.0" encoding="UTF-16"?><a>é</a>'


def refusal(data: bytes, **kwargs) -> RecordError:
    with pytest.raises(RecordError) as caught:
        parse_xml(data, **kwargs)
    assert str(caught.value) == sentence(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "doctype"),
        (b'<?xml version="1.0"?>\n<!-- x -->\n<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "doctype"),
        (b"<!doctype a><a/>", "doctype"),
        ('\ufeff<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"), "doctype"),
        ('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a><a/>'.encode("utf-16-le"), "doctype"),
        (b"<!DOCTYPE html><html><body>Erreur</body></html>", "html"),
        (b"<html><body>Erreur 500</body></html>", "html"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "encoding"),
        (b'<?xml version="1.0" encoding="EBCDIC-CP-FR"?><a/>', "encoding"),
        (b"<a><b>text</b>", "truncated"),
        (b"<a><b>text</", "truncated"),
        (b"<a><b></a></b>", "not-well-formed"),
        (b"not xml at all", "not-well-formed"),
        (b"<a>" * 300 + b"</a>" * 300, "too-deep"),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(20_000)) + b"/>", "tag-too-long"),
    ],
)
def test_a_document_that_cannot_be_trusted_or_read_is_refused_with_its_reason(data, code):
    assert refusal(data).code == code


def test_a_document_over_the_limit_is_refused_before_it_is_parsed():
    assert refusal(b"<a>" + b"x" * 100 + b"</a>", max_bytes=50).params == {"size": 107, "limit": 50}
    refused = refusal(b"<a>" + b"x" * 3_000_000 + b"</a>", max_bytes=2 * 1024 * 1024)
    assert str(refused) == "The document is too large: 3\u00a0MB, 2\u00a0MB allowed."


def test_a_document_of_too_many_elements_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(xml, "MAX_ELEMENTS", 10)
    assert refusal(b"<a>" + b"<b/>" * 100 + b"</a>").code == "too-many-elements"


def test_an_entity_declared_after_the_root_cannot_hide():
    assert refusal(b"<a/><!DOCTYPE a>").code == "not-well-formed"


def test_a_doctype_inside_a_text_is_only_a_text():
    assert parse_xml(b"<a><![CDATA[<!DOCTYPE html>]]></a>").text == "<!DOCTYPE html>"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbf<a>\xc3\xa9</a>", "é"),
        (b'\n  <?xml version="1.0"?><a>e</a>', "e"),
        (b'\xef\xbb\xbf\n<?xml version="1.0"?><a>e</a>', "e"),
        (
            '<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode("utf-16"),
            "é",
        ),
        ('<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode("utf-16-le"), "é"),
        (b'<?xml version="1.0" encoding="UTF-16"?><a>e</a>', "e"),
        (b'<?xml version="1.0" encoding="UTF-8"?><a>\xe9t\xe9</a>', "été"),
        (b"<a>\xc3\xa9t\xe9 \x80</a>", "été €"),
        (b'<?xml version="1.0"?><a>e<?xml version="1.0" encoding="UTF-8"?></a>', "e"),
        (b"<a>a\x00b\x0bc&#11;d&#x0;\xef\xbf\xbe</a>", "abcd"),
        (b"<a>&eacute;t&eacute; &amp; &nbsp;</a>", "été & \xa0"),
        (b"<a>http://x/?a=1&b=2 R&D</a>", "http://x/?a=1&b=2 R&D"),
    ],
)
def test_a_known_fault_is_repaired(data, text):
    assert parse_xml(data).text == text


def test_a_right_document_is_not_touched():
    root = parse_xml('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1"))
    assert root.text == "é"


def test_a_well_known_prefix_that_is_not_declared_is_declared():
    root = parse_xml(b"<gmd:title><gco:CharacterString>a</gco:CharacterString></gmd:title>")
    assert root.tag == "{http://www.isotc211.org/2005/gmd}title"


def test_a_huge_text_is_cut_between_characters_and_references(monkeypatch):
    monkeypatch.setattr(xml, "MAX_TEXT", 100)
    monkeypatch.setattr(xml, "_LONG_TEXT", xml.re.compile(rb">([^<]{101,})<"))
    root = parse_xml(b"<a>" + "é".encode() * 49 + b"&amp;" + b"x" * 400 + b"</a>")
    assert root.text == "é" * 49 + "…"


def test_a_text_of_twenty_megabytes_is_cut_to_one():
    root = parse_xml(b"<a>" + b"x" * (20 * 1024 * 1024) + b"</a>")
    assert len(root.text or "") == xml.MAX_TEXT + 1


def test_a_refusal_keeps_its_reason_when_it_travels_between_processes():
    import pickle

    error = pickle.loads(pickle.dumps(RecordError("encoding", encoding="x")))
    assert str(error) == "The document declares an encoding that is not supported: x."


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (b"&#55357;&#56832;", "a\U0001f600b"),
        (b"&#xD83D;&#xde00;", "a\U0001f600b"),
        (b"&#55357;", "ab"),
        (b"&#xDE00;&#xD83D;", "ab"),
        (b"&#56832;&#55357;", "ab"),
    ],
)
def test_the_halves_of_a_pictograph_are_joined_and_a_lonely_one_is_taken_out(reference, text):
    root = parse_xml(b"<a>a%sb</a>" % reference)
    assert root.text == text
