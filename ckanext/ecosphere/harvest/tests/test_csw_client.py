"""CSW client: a catalogue is read completely, or the reading reports which records are missing."""

from dataclasses import replace

import pytest

from ckanext.ecosphere.harvest.messages import sentence
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.sources.base import Reading
from ckanext.ecosphere.harvest.sources.csw import CswOptions, CswReader, CswSource, Filter
from ckanext.ecosphere.harvest.tests.csw_server import (
    catalogue,
    covers,
    empty,
    exception,
    html,
    iso_record,
    status,
)
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.scripted_server import serve

TWENTY = [iso_record(n) for n in range(1, 21)]
IDENTIFIERS = [f"fr-120066022-jdd-{n:08d}" for n in range(1, 21)]


def session(**settings) -> GuardedSession:
    settings = {"allowed_networks": networks(["127.0.0.1"]), "attempts": 2, **settings}
    return GuardedSession(GuardSettings(**settings), sleep=lambda seconds: None)


def read(url, page_size=8, guarded=None, **options) -> tuple[list[str], Reading]:
    """Read a catalogue; return the identifiers in the order in which they were received."""
    guarded = guarded or session()
    reader = CswReader(url, guarded, CswOptions(page_size=page_size, **options))
    found = [record.identifier for page in reader.pages() for record in page]
    reader.reading.requests = guarded.budget.spent
    return found, reader.reading


def failures(reading: Reading) -> list[tuple[str, int, int]]:
    return [(each.code, each.first, each.last) for each in reading.failures]


def test_a_catalogue_is_read_in_pages_each_record_once():
    with catalogue(TWENTY) as server:
        found, reading = read(server.url)
        assert found == IDENTIFIERS
        assert reading.complete
        assert (reading.announced, reading.received, reading.requests) == (20, 20, 3)
        assert [(q.start, q.size) for q in server.questions] == [(1, 8), (9, 8), (17, 8)]
        assert {(q.method, q.type_name, q.is_sorted) for q in server.questions} == {
            ("POST", "csw:Record", True)
        }


def test_an_empty_catalogue_is_complete():
    with catalogue([]) as server:
        found, reading = read(server.url)
        assert (found, reading.complete, reading.announced) == ([], True, 0)


def test_records_carry_their_position_and_a_digest_that_the_page_does_not_change():
    with catalogue(TWENTY) as server:
        readers = [CswReader(server.url, session(), CswOptions(page_size=size)) for size in (20, 7)]
        first, second = ([r for page in reader.pages() for r in page] for reader in readers)
        assert [r.position for r in first] == [r.position for r in second] == list(range(1, 21))
        assert [r.digest for r in first] == [r.digest for r in second]
        assert len({r.digest for r in first}) == 20


def test_the_digest_ignores_where_a_prefix_is_declared_and_sees_a_letter():
    plain = iso_record(1)
    moved = plain.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    changed = plain.replace("inondation", "inondations")
    digests = []
    for record in (plain, moved, changed):
        with catalogue([record]) as server:
            reader = CswReader(server.url, session())
            digests.append(next(reader.pages())[0].digest)
    assert digests[0] == digests[1] != digests[2]


def test_the_address_may_carry_the_parameters_of_a_request():
    with catalogue(TWENTY) as server:
        found, _ = read(server.url + "?service=CSW&REQUEST=GetCapabilities&map=ain")
        assert len(found) == 20
        assert server.server is not None
        assert {path for _method, path, _body in server.server.seen} == {"/csw?map=ain"}


# --- wrong paging ---


def test_a_server_that_caps_its_pages_is_read_whole():
    def cap(question, page):
        kept = page.records[:3]
        return replace(page, records=kept, returned=3, next_record=question.start + 3)

    with catalogue(TWENTY, cap) as server:
        found, reading = read(server.url)
        assert (found, reading.complete) == (IDENTIFIERS, True)


@pytest.mark.parametrize("lie", [None, 0, 1, 999])
def test_a_wrong_next_record_does_not_matter(lie):
    with catalogue(
        TWENTY, lambda q, page: replace(page, next_record=lie if page.next_record else 0)
    ) as server:
        found, reading = read(server.url)
        assert (found, reading.complete) == (IDENTIFIERS, True)


def test_a_next_record_that_is_never_zero_costs_one_request_more():
    with catalogue(TWENTY, lambda q, page: replace(page, next_record=q.start + q.size)) as server:
        found, reading = read(server.url)
        assert (found, reading.complete, reading.requests) == (IDENTIFIERS, True, 4)


def test_an_announcement_that_is_too_high_makes_the_reading_incomplete():
    with catalogue(TWENTY, lambda q, page: replace(page, matched=25)) as server:
        found, reading = read(server.url)
        assert found == IDENTIFIERS
        assert not reading.complete


def test_an_announcement_that_is_too_low_makes_the_reading_incomplete():
    with catalogue(TWENTY, lambda q, page: replace(page, matched=9)) as server:
        found, reading = read(server.url)
        assert found == IDENTIFIERS
        assert failures(reading) == [("count-over", 0, 0)]


def test_an_announcement_that_changes_makes_the_reading_incomplete():
    with catalogue(
        TWENTY, lambda q, page: replace(page, matched=20 if q.start > 1 else 21)
    ) as server:
        _found, reading = read(server.url)
        assert reading.failures[0].code == "count-changed"
        assert reading.failures[0].params == {"before": 21, "after": 20}


def test_a_server_that_does_not_count_is_read_to_its_end_and_not_trusted():
    with catalogue(TWENTY, lambda q, page: replace(page, matched=None)) as server:
        found, reading = read(server.url)
        assert found == IDENTIFIERS
        assert failures(reading) == [("count-unknown", 0, 0)]


def test_a_page_with_fewer_records_than_it_should_have_loses_nothing():
    def short(question, page):
        return replace(page, records=page.records[:5], returned=5) if question.start == 9 else None

    with catalogue(TWENTY, short) as server:
        found, reading = read(server.url)
        assert (found, reading.complete) == (IDENTIFIERS, True)


def test_records_that_are_never_given_make_the_reading_incomplete():
    def drop(question, page):
        return replace(page, records=[r for r in page.records if "00000011" not in r])

    with catalogue(TWENTY, drop) as server:
        found, reading = read(server.url)
        assert sorted(found) == [each for each in IDENTIFIERS if not each.endswith("11")]
        assert not reading.complete


def test_an_empty_page_in_the_middle_is_asked_for_again():
    with catalogue(TWENTY, lambda q, page: empty(page) if q.number == 2 else None) as server:
        found, reading = read(server.url)
        assert (found, reading.complete) == (IDENTIFIERS, True)


def test_an_empty_page_that_stays_empty_is_halved_down_to_the_record():
    with catalogue(TWENTY, lambda q, page: empty(page) if covers(q, 11) else None) as server:
        found, reading = read(server.url)
        assert found == [each for each in IDENTIFIERS if not each.endswith("11")]
        assert failures(reading) == [("empty", 11, 11)]
        assert not reading.complete


def test_a_page_that_comes_twice_is_asked_for_again_then_told():
    first = TWENTY[:8]
    with catalogue(
        TWENTY, lambda q, page: replace(page, records=first) if covers(q, 12) else None
    ) as server:
        found, reading = read(server.url)
        assert found == [each for each in IDENTIFIERS if not each.endswith("12")]
        assert failures(reading) == [("repeated", 12, 12)]


def test_a_server_that_ignores_the_position_is_left_after_a_few_requests():
    with catalogue(TWENTY, lambda q, page: replace(page, records=TWENTY[:8])) as server:
        found, reading = read(server.url)
        assert found == IDENTIFIERS[:8]
        assert not reading.complete
        assert reading.failures[-1].code in {"gave-up", "repeated"}
        assert reading.requests < 40


def test_a_server_that_shuffles_its_pages_makes_the_reading_incomplete():
    def shuffle(question, page):
        mixed = TWENTY[::-1] if question.number % 2 == 0 else TWENTY
        return replace(page, records=mixed[question.start - 1 : question.start + 7])

    with catalogue(TWENTY, shuffle) as server:
        found, reading = read(server.url)
        assert len(found) == len(set(found)) < 20
        assert not reading.complete
        assert reading.repeated


def test_a_source_that_has_a_record_twice_is_complete():
    with catalogue([TWENTY[0], TWENTY[0], *TWENTY[1:]]) as server:
        found, reading = read(server.url)
        assert (found, reading.complete, reading.repeated) == (IDENTIFIERS, True, 1)
        assert reading.repeated == len(reading.repeats) == 1


# --- pages that are not valid answers ---


def bad_json(*_):
    return replace(exception(), body='{"error": "busy"}')


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (exception, "exception"),
        (html, "xml-html"),
        (lambda: status(500), "status"),
        (lambda: status(404), "status"),
        (bad_json, "xml-not-well-formed"),
        (lambda: replace(exception(), body="<a><b>"), "xml-truncated"),
        (lambda: replace(exception(), body=""), "xml-empty"),
        (
            lambda: replace(exception(), body="<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
            "xml-doctype",
        ),
        (lambda: replace(exception(), body="<rss/>"), "not-csw"),
    ],
)
def test_a_page_that_is_none_is_halved_and_costs_only_the_record_behind_it(answer, code):
    with catalogue(TWENTY, lambda q, page: answer() if covers(q, 13) else None) as server:
        found, reading = read(server.url)
        assert found == [each for each in IDENTIFIERS if not each.endswith("13")]
        assert failures(reading) == [(code, 13, 13)]


@pytest.mark.parametrize("answer", [exception, html, lambda: status(500), lambda: status(503)])
def test_a_fault_of_one_moment_costs_nothing(answer):
    with catalogue(TWENTY, lambda q, page: answer() if q.number == 2 else None) as server:
        found, reading = read(server.url)
        assert (found, reading.complete) == (IDENTIFIERS, True)


def test_an_exception_on_large_first_pages_only_is_got_round():
    with catalogue(TWENTY, lambda q, page: exception() if q.size > 2 else None) as server:
        found, reading = read(server.url, page_size=20)
        assert (found, reading.complete) == (IDENTIFIERS, True)


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones():
    big = [iso_record(n, abstract="x" * 10_000) for n in range(1, 21)]
    with catalogue(big) as server:
        found, reading = read(server.url, guarded=session(max_bytes=60_000), page_size=20)
        assert (found, reading.complete) == (IDENTIFIERS, True)


def test_a_size_that_has_failed_is_not_tried_again_at_every_page():
    forty = [iso_record(n) for n in range(1, 41)]
    with catalogue(forty, lambda q, page: exception() if q.size > 7 else None) as server:
        found, reading = read(server.url, page_size=20)
        assert (len(found), reading.complete) == (40, True)
        sizes = [q.size for q in server.questions if q.start > 1]
        assert sum(size > 7 for size in sizes) <= 4
        assert sum(size <= 7 for size in sizes) <= 12


def test_pages_grow_again_at_once_behind_a_record_that_cannot_be_had():
    forty = [iso_record(n) for n in range(1, 41)]
    with catalogue(forty, lambda q, page: exception() if covers(q, 3) else None) as server:
        found, reading = read(server.url, page_size=8)
        assert (len(found), failures(reading)) == (39, [("exception", 3, 3)])
        assert [q.size for q in server.questions if q.start > 3] == [1, 2, 4, 8, 8, 8, 8]


def test_one_record_that_is_too_large_costs_only_itself():
    records = [iso_record(n, abstract="x" * (100_000 if n == 7 else 10)) for n in range(1, 21)]
    with catalogue(records) as server:
        found, reading = read(server.url, guarded=session(max_bytes=60_000))
        assert found == [each for each in IDENTIFIERS if not each.endswith("07")]
        assert failures(reading) == [("fetch-too-large", 7, 7)]


def test_a_server_that_dies_midway_is_given_up_and_what_came_is_kept():
    with catalogue(TWENTY, lambda q, page: status(500) if q.start > 5 else None) as server:
        found, reading = read(server.url, page_size=5)
        assert found == IDENTIFIERS[:5]
        assert failures(reading) == [("status", 6, 15), ("gave-up", 16, 20)]
        assert reading.requests < 80


def test_patience_ends_the_reading_too():
    with catalogue(TWENTY, lambda q, page: status(500) if q.start > 5 else None) as server:
        found, reading = read(server.url, page_size=5, patience=0.0)
        assert found == IDENTIFIERS[:5]
        assert reading.requests < 10
        assert reading.failures[-1].code == "gave-up"


def test_a_server_that_is_not_there_fails_as_a_whole():
    with catalogue(TWENTY) as server:
        url = server.url
    found, reading = read(url)
    assert found == []
    assert failures(reading) == [("fetch-connection", 0, 0)]
    assert reading.requests <= 2


def test_an_address_inside_is_refused_as_a_whole():
    found, reading = read("http://169.254.169.254/csw")
    assert (found, failures(reading)) == ([], [("fetch-address", 0, 0)])
    assert "private network" in sentence(reading.failures[0].code, reading.failures[0].params)


def test_a_website_instead_of_a_catalogue_fails_as_a_whole():
    with catalogue(TWENTY, lambda q, page: html()) as server:
        found, reading = read(server.url)
        assert found == []
        assert not reading.complete
        assert reading.requests < 20


def test_a_catalogue_that_answers_every_question_with_an_exception_is_left_soon():
    with catalogue(TWENTY, lambda q, page: exception("Requête invalide")) as server:
        found, reading = read(server.url, page_size=100)
        assert found == []
        assert failures(reading) == [("exception", 0, 0)]
        assert reading.failures[0].params == {"text": "Requête invalide"}
        assert reading.requests < 60


# --- servers that need another form of request ---


@pytest.mark.parametrize(
    "understood",
    [
        lambda q: q.type_name == "gmd:MD_Metadata",
        lambda q: not q.is_sorted,
        lambda q: q.method == "GET",
    ],
)
def test_the_question_is_put_in_another_way_until_it_is_understood(understood):
    with catalogue(TWENTY, lambda q, page: None if understood(q) else exception()) as server:
        found, reading = read(server.url)
        assert (found, reading.complete) == (IDENTIFIERS, True)
        assert [code for code, _params in reading.notes] == ["dialect"]
        assert reading.requests < 12


def test_a_server_that_knows_only_get_is_asked_by_get():
    with catalogue(TWENTY, lambda q, page: None if q.method == "GET" else status(405)) as server:
        found, reading = read(server.url)
        assert (found, reading.complete) == (IDENTIFIERS, True)


def test_filters_are_sent_with_every_page():
    wanted = (
        Filter.read({"property": "identifier", "like": "fr-120066022-%", "not": True}),
        Filter.read({"property": "type", "equals": "<dataset>"}),
    )
    with catalogue(TWENTY) as server:
        read(server.url, filters=wanted)
        *pages, number = server.questions
        assert len(pages) == 3
        # Then the catalogue is asked how many records it has without them.
        assert (number.constraint, number.size) == ("", 1)
        for question in pages:
            assert "<ogc:Not>" in question.constraint
            assert "dc:identifier" in question.constraint
            assert "&lt;dataset&gt;" in question.constraint


def test_a_filter_on_the_organisation_is_put_to_the_iso_profile_first():
    wanted = (Filter.read({"property": "organisation", "like": "DDT%"}),)
    with catalogue(TWENTY) as server:
        read(server.url, filters=wanted)
        assert {q.type_name for q in server.questions} == {"gmd:MD_Metadata"}


# --- messages ---


def test_failures_are_told_with_their_positions():
    assert sentence("status", {"status": 500}, 6, 15) == (
        "Records 6 to 15 could not be read: the server answered with HTTP 500."
    )
    assert sentence("status", {"status": 500}, 31) == (
        "From record 31 on, the source could not be read: the server answered with HTTP 500."
    )
    assert (
        sentence("empty", {}, 7, 7) == "Record 7 could not be read: the server gave an empty page."
    )
    assert sentence("fetch-unknown-host", {"host": "x.example"}) == (
        "The source could not be read: the host x.example is unknown."
    )
    assert sentence("xml-html", {}, 1, 2).endswith(
        ": the server answered with a web page instead of a metadata record."
    )


DCAT = """<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2">
  <csw:SearchResults numberOfRecordsMatched="2" numberOfRecordsReturned="2" nextRecord="0">{records}</csw:SearchResults>
</csw:GetRecordsResponse>"""
DATASET = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dct="http://purl.org/dc/terms/"
    xmlns:dcat="http://www.w3.org/ns/dcat#" xmlns:foaf="http://xmlns.com/foaf/0.1/">
  <dcat:CatalogRecord rdf:about="https://a.fr/fiche/{n}"><foaf:primaryTopic rdf:resource="https://a.fr/{n}"/>
  </dcat:CatalogRecord>
  <dcat:Dataset rdf:about="https://a.fr/{n}"><dct:identifier>jeu-{n}</dct:identifier><dct:title>Jeu {n}</dct:title>
  </dcat:Dataset></rdf:RDF>"""


def test_a_server_that_answers_in_dcat_is_read():
    text = DCAT.format(records="".join(DATASET.format(n=n) for n in (1, 2)))
    with serve(lambda exchange: exchange.answer(text)) as server:
        reader = CswReader(f"{server.url}/csw", session(), CswOptions(page_size=10))
        records = [record for page in reader.pages() for record in page]
    assert (reader.reading.complete, reader.reading.received) == (True, 2)
    assert [record.identifier for record in records] == ["jeu-1", "jeu-2"]
    assert [CswSource().read(record.content).title for record in records] == ["Jeu 1", "Jeu 2"]


def test_an_element_of_rdf_without_a_dataset_costs_only_itself():
    empty = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    text = DCAT.format(records=DATASET.format(n=1) + empty)
    with serve(lambda exchange: exchange.answer(text)) as server:
        reader = CswReader(f"{server.url}/csw", session(), CswOptions(page_size=10))
        good, bad = [record for page in reader.pages() for record in page]
    assert CswSource().read(good.content).title == "Jeu 1"
    with pytest.raises(RecordError):
        CswSource().read(bad.content)
