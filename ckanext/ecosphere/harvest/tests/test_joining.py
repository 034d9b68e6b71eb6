"""Deduplication rules, without database: which records are the same dataset,
and which is published, in any order.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckanext.ecosphere.harvest.deduplication import (
    Member,
    Rank,
    grouped,
    key_of,
    keys_of,
    reason,
    shared_identifiers,
)
from ckanext.ecosphere.harvest.record import Identifier, Record

UUID = "0d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11"
OTHER = "585c9cd3-d542-407a-b6a5-885f062b0024"


def member(source: str, guid: str, *keys: str, priority: int = 0, **more) -> Member:
    return Member(source, guid, keys, Rank(priority=-priority, registered=source), **more)


def together(*members: Member) -> list[list[str]]:
    """Return the sources of each group, that of the published record first."""
    return sorted([each.source for each in group] for group in grouped(members))


# --- keys of a record ---


@pytest.mark.parametrize(
    ("identifier", "key"),
    [
        (UUID, UUID),
        (f"{{{UUID.upper()}}}", UUID),
        (f"http://catalogue.geo-ide.developpement-durable.gouv.fr/{UUID}", UUID),
        (f"http://descartes-dev.cete-mediterranee.i2/{UUID}", UUID),
        (f"https://geo.example.org/srv/fre/xml.metadata.get?uuid={UUID}", UUID),
        (f"urn:isogeo:metadata:uuid:{UUID}", UUID),
        (f"https://id.example.org/fr-120066022-jdd-{UUID}", f"fr-120066022-jdd-{UUID}"),
        ("FR-213500028-35002plu20111215", "fr-213500028-35002plu20111215"),
        ("https://www.geoportail-urbanisme.gouv.fr/document/60036_PLU_20220329",
         "geoportail-urbanisme.gouv.fr/document/60036_plu_20220329"),
        ("urn:X-dng:2.0:pu:imageCoverage", "urn:x-dng:2.0:pu:imagecoverage"),
    ],
)  # fmt: skip
def test_an_identifier_is_the_same_on_every_host_and_in_every_notation(identifier, key):
    assert key_of(identifier) == key


@pytest.mark.parametrize(
    "identifier",
    [None, "", "CPK", "1", "088", "NAME.xml", "13:58:24705547511577", "IGNF_RPG", "https://www.example.org/",
     "https://www.example.org/fr", "http://localhost/zones/inondables", "http://10.0.0.3/zones/inondables",
     "http://serveur/zones/inondables", "00000000-0000-0000-0000-000000000000", "11111111-1111-1111-1111-111111111111",
     "fr-120066022-jdd", "mailto:agent@example.org", "http://[", "urn:x:y"],
)  # fmt: skip
def test_an_identifier_that_may_be_anybody_s_joins_nothing(identifier):
    assert key_of(identifier) is None


@pytest.mark.parametrize(
    "identifier", ["A REMPLIR", "à compléter", "xxxxx", "identifiant de la ressource", "{uuid}"]
)
def test_a_form_left_unfilled_joins_nothing(identifier):
    record = Record(file_identifier=identifier, identifiers=[Identifier(code=identifier)])
    assert keys_of(record) == ()


def test_an_identifier_that_a_record_shares_with_others_of_its_source_is_not_its_own():
    keys = keys_of(Record(file_identifier=UUID))
    assert keys == (f"f:{UUID}",)
    shared = [member("a", UUID, *keys), member("a", f"{UUID}#second:0123", *keys)]
    assert together(*shared, member("b", UUID, *keys)) == [["a"], ["a"], ["b"]]


def test_a_service_is_never_the_data_that_it_serves():
    ids = [Identifier(code=UUID)]
    data, service = (
        Record(identifiers=ids, hierarchy_level="dataset"),
        Record(identifiers=ids, hierarchy_level="service"),
    )
    one, two = (
        Member(name, name, keys_of(record)) for name, record in (("a", data), ("b", service))
    )
    assert together(one, two) == [["a"], ["b"]]


# --- which records are the same ---


def test_a_copy_under_a_new_identifier_keeps_that_of_the_resource():
    assert together(member("a", "1", "r:x", "f:1"), member("b", "9", "r:new", "r:x", "f:9")) == [
        ["a", "b"]
    ]


def test_without_a_resource_identifier_the_one_of_the_record_counts():
    assert together(member("a", "1", "f:1"), member("b", "1", "r:x", "f:1")) == [["a", "b"]]
    assert together(member("a", "1", "f:1"), member("b", "9", "r:1", "f:9")) == [["a", "b"]]


def test_resources_that_differ_are_not_joined_by_a_record_identifier_that_they_share():
    found = together(
        member("a", "1", "r:x", "f:1"), member("b", "1", "r:y", "f:1"), member("c", "1", "f:1")
    )
    assert found == [["a"], ["b"], ["c"]]


def test_an_identifier_that_a_source_uses_for_several_records_joins_none_of_them():
    twice = (member("a", "1", "r:model"), member("a", "2", "r:model"))
    assert together(*twice, member("b", "3", "r:model"), member("c", "4", "r:model")) == [
        ["a"],
        ["a"],
        ["b", "c"],
    ]


def test_a_copy_of_two_records_of_one_source_does_not_make_them_one():
    found = grouped(
        [member("a", "1", "r:x"), member("a", "2", "r:y"), member("b", "3", "r:x", "r:y")]
    )
    assert sorted([m.guid for m in group] for group in found) == [["1", "3"], ["2"]]


def test_what_a_person_set_apart_is_joined_to_nothing():
    assert together(member("a", "1", "r:x"), member("b", "2", "r:x", apart=True)) == [["a"], ["b"]]


# --- which record is published, and why ---


def test_the_source_with_the_higher_priority_wins_then_the_one_registered_first():
    low, high, old = (
        member("m", "1", "r:x"),
        member("z", "2", "r:x", priority=5),
        member("a", "3", "r:x"),
    )
    assert together(low, high, old) == [["z", "a", "m"]]
    assert reason(high, low) == ("priority", {"mine": 5, "other": 0})
    assert reason(old, low) == ("older", {})
    assert shared_identifiers(low, high) == ["x"]


KEYS = [f"{kind}:{letter}" for kind in "rf" for letter in "abcde"]
MEMBERS = st.lists(
    st.tuples(
        st.sampled_from("ABCD"),
        st.integers(1, 4),
        st.lists(st.sampled_from(KEYS), unique=True, max_size=4),
    ),
    unique_by=lambda each: each[:2],
    max_size=9,
)


@settings(max_examples=300, deadline=None)
@given(MEMBERS, st.lists(st.integers(-2, 2), min_size=4, max_size=4), st.randoms())
def test_the_order_of_the_records_changes_nothing(drawn, priorities, random):
    ranks = dict(zip("ABCD", priorities, strict=True))
    members = [
        member(source, str(guid), *keys, priority=ranks[source]) for source, guid, keys in drawn
    ]
    expected = grouped(members)
    shuffled = list(members)
    random.shuffle(shuffled)
    assert set(grouped(shuffled)) == set(expected)
    for group in expected:
        assert len({each.source for each in group}) == len(group)
        assert all(group[0].rank.priority <= each.rank.priority for each in group)
    assert sorted(each.id for group in expected for each in group) == sorted(
        each.id for each in members
    )


@settings(max_examples=200, deadline=None)
@given(MEMBERS)
def test_records_without_a_common_key_change_nothing_for_the_others(drawn):
    """The records that share keys with a batch are sufficient to decide on it."""
    members = [member(source, str(guid), *keys) for source, guid, keys in drawn]
    for group in grouped(members):
        near, keys = {each.id for each in group}, {key[2:] for each in group for key in each.keys}
        while True:
            found = {m.id for m in members if keys & {key[2:] for key in m.keys}} | near
            if found == near:
                break
            near = found
            keys |= {key[2:] for m in members if m.id in near for key in m.keys}
        assert group in grouped(m for m in members if m.id in near)
