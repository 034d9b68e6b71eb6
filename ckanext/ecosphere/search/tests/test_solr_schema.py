"""The French schema: applied once to a running Solr, repaired after manual changes."""

import pytest

from ckanext.ecosphere.search import solr_schema
from ckanext.ecosphere.search.solr_schema import SolrAdminError

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_index")


def test_applying_it_again_changes_nothing(french):
    assert solr_schema.apply(french) == []
    assert solr_schema.state(french).is_french


@pytest.mark.slow("setup")
def test_a_plain_core_becomes_french_and_says_what_was_missing(plain):
    before = solr_schema.state(plain)
    assert not before.is_french
    assert any("text" in difference for difference in before.differences)
    assert set(solr_schema.apply(plain)) == set(before.differences)
    assert solr_schema.state(plain).is_french


def test_what_is_undone_leaves_ckans_own_schema(plain):
    assert solr_schema.restore_commands(plain.schema(), solr_schema.wanted()) == {}
    assert solr_schema.restore(plain) == []
    assert plain.stop_words(solr_schema.MANAGED_NAME) == []
    assert plain.synonyms(solr_schema.MANAGED_NAME) == {}


def test_coordinates_of_another_schema_stay_when_ours_is_undone():
    ours = solr_schema.wanted()
    declared = ours["fields_if_missing"][0]
    current = {"fieldTypes": [solr_schema.stock_text_type()], "copyFields": []}
    theirs = {**current, "fields": [{**declared, "docValues": False}]}
    assert solr_schema.restore_commands(theirs, ours) == {}
    assert solr_schema.restore_commands({**current, "fields": [declared]}, ours) == {
        "delete-field": [{"name": declared["name"]}]
    }


@pytest.mark.slow("variants")
def test_stop_words_changed_by_hand_are_put_back(french):
    french.set_stop_words(solr_schema.MANAGED_NAME, ["le"])
    french.reload()
    assert solr_schema.state(french).stop_words
    solr_schema.apply(french)
    assert solr_schema.state(french).is_french


def test_a_solr_that_is_away_is_told(french):
    french.base_url = french.base_url.replace("/solr/", "/nothing-here/")
    with pytest.raises(SolrAdminError):
        solr_schema.state(french)


def test_only_what_differs_is_sent():
    target = solr_schema.wanted()
    same = {
        "fieldTypes": target["field_types"],
        "fields": [*target["fields"], *target["fields_if_missing"]],
    }
    copies = [
        {"source": item["source"], "dest": dest}
        for item in target["copy_fields"]
        for dest in item["dest"]
    ]
    assert solr_schema.schema_commands(same | {"copyFields": copies}, target) == {}
    lacking = solr_schema.schema_commands(same | {"copyFields": copies[1:]}, target)
    assert lacking == {
        "add-copy-field": [{"source": copies[0]["source"], "dest": [copies[0]["dest"]]}]
    }
