"""Rules for dates, periods and frequencies, in all their spellings."""

import datetime as dt

import pytest

from ckanext.ecosphere.dataset.dates import parse_date
from ckanext.ecosphere.harvest.record import Dated, Graphic, Period
from ckanext.ecosphere.harvest.tests.making import codes, dataset, ids, result


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2014-09-08", "2014-09-08"),
        ("2014-09-08Z", "2014-09-08"),
        ("2014-09-08+02:00", "2014-09-08"),
        ("2014-9-8", "2014-09-08"),
        ("2022-06-10T06:08:11.253+02:00", "2022-06-10"),
        ("2022-06-10 06:08", "2022-06-10"),
        ("20201015", "2020-10-15"),
        ("20201015T120000", "2020-10-15"),
        ("2005", "2005"),
        ("2005-03", "2005-03"),
        ("31/12/2018", "2018-12-31"),
        ("31.12.2018", "2018-12-31"),
        ("03/2018", "2018-03"),
        ("septembre 2014", "2014-09"),
        ("1er août 2014", "2014-08-01"),
        ("  2014-09-08 ", "2014-09-08"),
        ("2012-02-30", None),
        ("2012-13-01", None),
        ("0000-00-00", None),
        ("31/02/2018", None),
        ("99/99/9999", None),
        ("non renseigné", None),
        ("vers 2014", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_read_in_any_spelling_or_not_at_all(written, read):
    assert parse_date(written) == read


def test_dates_go_by_their_type_and_the_last_revision_counts():
    made = dataset(
        dates=[
            Dated("2010-01-01", "creation"),
            Dated("2015-01-01", "revision"),
            Dated("20190101", "revision"),
            Dated("2012-05-01", "publication"),
            Dated("2011-05-01", "publication"),
        ]
    )
    assert (made["created"], made["issued"], made["modified"]) == (
        "2010-01-01",
        "2011-05-01",
        "2019-01-01",
    )


def test_a_date_of_another_type_is_told_and_an_impossible_one_reported():
    made = result(
        dates=[
            Dated("2015-01-01", "validity"),
            Dated("2012-02-30", "revision"),
            Dated("non renseigné", "creation"),
        ]
    )
    assert "date:validity: 2015-01-01" in made.unread
    assert codes(made) >= {"date"}
    assert not {"created", "modified"} & set(made.dataset)
    assert [str(p) for p in made.problems if p.code == "date"] == [
        "This is not a date (element revision): 2012-02-30"
    ]


@pytest.mark.parametrize(
    ("others", "issued"),
    [
        ([("2023-01-01", "publication"), ("2023-01-15", "released")], "2023-01-01"),
        ([("2023-01-15", "released")], "2023-01-15"),
        ([], "2021-03-01"),
    ],
    ids=["published", "released", "alone"],
)
def test_the_beginning_of_the_validity_serves_only_where_no_day_of_publication_is_told(
    others, issued
):
    made = result(dates=[Dated("2021-03-01", "validityBegins"), *(Dated(*each) for each in others)])
    assert made.dataset["issued"] == issued
    assert ("date:validitybegins: 2021-03-01" in made.unread) == bool(others)


def test_what_would_be_done_in_a_far_future_is_told_and_left_out():
    soon = (dt.date.today() + dt.timedelta(days=30)).isoformat()
    made = result(
        dates=[
            Dated("2020-01-01", "revision"),
            Dated("2099-01-01", "revision"),
            Dated("2099", "creation"),
            Dated(soon, "publication"),
            Dated("2099-01-01", "nextUpdate"),
        ],
        metadata_date="2099-05-01",
        periods=[Period("2020", "2099")],
    )
    assert [made.dataset.get(name) for name in ("created", "modified", "issued")] == [
        None,
        "2020-01-01",
        soon,
    ]
    assert "metadata_date" not in made.dataset
    assert made.dataset["next_update"] == "2099-01-01"
    assert made.dataset["temporal_coverage"] == [{"start": "2020", "end": "2099"}]
    assert {problem.params["value"] for problem in made.problems if problem.code == "date"} == {
        "2099-01-01", "2099", "2099-05-01",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Création", "created"),
        ("Date de création", "created"),
        ("Publication", "issued"),
        ("Révision", "modified"),
        ("Mise à jour", "modified"),
        ("Dernière mise à jour", "modified"),
        ("lastRevision", "modified"),
        ("Prochaine mise à jour", "next_update"),
    ],
)
def test_the_kind_of_a_date_may_be_told_in_words(kind, field):
    assert dataset(dates=[Dated("2020-01-01", kind)])[field] == "2020-01-01"


def test_what_the_rules_refuse_does_not_come_back_from_the_profiles_of_rdf():
    raw = {
        "modified": "2024-02-30",
        "issued": "printemps 2011",
        "created": "0000-00-00",
        "preview_image": "apercu.png",
    }
    dates = [
        Dated(raw["modified"], "revision"),
        Dated(raw["issued"], "publication"),
        Dated(raw["created"], "creation"),
    ]
    made = result(standard="dcat", dates=dates, graphics=[Graphic("apercu.png")], fields=raw)
    assert not set(raw) & set(made.dataset)
    told = [*made.unread, *map(str, made.problems)]
    assert all(
        any(value in text for text in told) for value in raw.values() if value != "0000-00-00"
    )


@pytest.mark.parametrize(
    ("period", "kept"),
    [
        (Period("2010-01-01", "2012-01-01"), [{"start": "2010-01-01", "end": "2012-01-01"}]),
        (Period("2010-01-01", None), [{"start": "2010-01-01"}]),
        (Period(None, "2012"), [{"end": "2012"}]),
        (Period("2010", None, None, "now"), [{"start": "2010"}]),
        (Period("2010", "2012-05-01", None, "now"), [{"start": "2010"}]),
        (Period("2018-02-01", "", None, "unknown"), [{"start": "2018-02-01"}]),
        (Period("2012", "2010"), [{"start": "2010", "end": "2012"}]),
        (Period("2010-06-01", "2010"), [{"start": "2010-06-01", "end": "2010"}]),
        (Period(None, None), None),
        (Period("inconnu", "inconnu"), None),
    ],
)
def test_a_period_may_be_half_open_and_is_turned_round_when_it_ends_before_it_starts(period, kept):
    assert dataset(periods=[period]).get("temporal_coverage") == kept


def test_periods_are_kept_once_each_and_bounded():
    assert len(dataset(periods=[Period("2010", "2011")] * 5)["temporal_coverage"]) == 1
    made = result(periods=[Period(str(1900 + n), str(1901 + n)) for n in range(100)])
    assert len(made.dataset["temporal_coverage"]) == 20
    assert "too-many" in codes(made)


@pytest.mark.parametrize(
    ("fields", "frequency"),
    [
        ({"frequency": "annually"}, "ANNUAL"),
        ({"frequency": "asNeeded"}, "AS_NEEDED"),
        ({"frequency": "biannually"}, "ANNUAL_2"),
        ({"frequency": "notPlanned"}, "NOT_PLANNED"),
        ({"frequency": "unknown"}, "UNKNOWN"),
        ({"frequency_period": "P0Y0M10D"}, "MONTHLY_3"),
        ({"frequency": "biennially"}, "BIENNIAL"),
        ({"frequency_period": "PT1H"}, "HOURLY"),
        ({"frequency_period": "P1Y"}, "ANNUAL"),
        ({"frequency_period": "P3M"}, "QUARTERLY"),
        ({"frequency_period": "P11M"}, "OTHER"),
        ({"frequency_notes": ["Trimestrielle"]}, "QUARTERLY"),
        ({"frequency_period": "PT15M"}, "15MIN"),
        ({"frequency": "R/P1Y"}, "ANNUAL"),
        ({"frequency": "R/P0.5M"}, "MONTHLY_2"),
        ({"frequency": "R/P0.33W"}, "WEEKLY_3"),
        ({"frequency": "R/PT1S"}, "CONT"),
        ({"frequency": "unknown", "frequency_period": "P5Y"}, "QUINQUENNIAL"),
        ({"frequency": "unknown", "frequency_notes": ["Annuelle"]}, "ANNUAL"),
        ({"frequency": "unknown", "frequency_notes": ["Selon les crues"]}, "UNKNOWN"),
        ({"frequency": "n'importe quoi"}, None),
        ({}, None),
    ],
)
def test_a_frequency_is_read_from_its_code_its_duration_or_its_words(fields, frequency):
    found = dataset(**fields).get("frequency")
    assert (ids("frequency", [found])[0] if found else None) == frequency


@pytest.mark.parametrize(
    ("words", "frequency"),
    [
        ("tous les 5 ans", "QUINQUENNIAL"),
        ("tous les 2 ans", "BIENNIAL"),
        ("Tous les deux ans", "BIENNIAL"),
        ("tous les 6 mois", "ANNUAL_2"),
        ("toutes les 2 semaines", "BIWEEKLY"),
        ("toutes les 15 minutes", "15MIN"),
        ("Quinquennale", "QUINQUENNIAL"),
        ("biennale", "BIENNIAL"),
        ("bisannuelle", "BIENNIAL"),
        ("triennale", "TRIENNIAL"),
        ("décennale", "DECENNIAL"),
        ("journalière", "DAILY"),
        ("bi-mensuelle", "MONTHLY_2"),
        ("une fois par an", "ANNUAL"),
        ("2 fois par an", "ANNUAL_2"),
        ("quatre fois par an", "QUARTERLY"),
        ("mise à jour annuelle", "ANNUAL"),
        ("Fréquence de mise à jour : mensuelle", "MONTHLY"),
        ("Mise à jour une fois par mois", "MONTHLY"),
        ("Si besoin", "AS_NEEDED"),
        ("temps réel", "CONT"),
        ("En temps réel", "CONT"),
        ("punctual", "AS_NEEDED"),
        ("semidaily", "DAILY_2"),
        ("daily_2", "DAILY_2"),
        ("threeTimesADay", "CONT"),
        ("fourTimesADay", "CONT"),
        ("fourTimesAWeek", "OTHER"),
        ("realtime", "CONT"),
        ("update_cont", "UPDATE_CONT"),
        ("continuous", "CONT"),
        ("weekly_5", "WEEKLY_5"),
        ("irreg", "IRREG"),
        ("fiveMinutes", "5MIN"),
        ("tous les ans environ", None),
        ("mise à jour régulière", None),
        ("tous les 17 jours", None),
        ("tous les mardis", None),
        ("mise à jour", None),
    ],
)
def test_a_frequency_is_read_from_words_that_say_nothing_else(words, frequency):
    for fields in ({"frequency": words}, {"frequency_notes": [words]}):
        found = dataset(**fields).get("frequency")
        assert (ids("frequency", [found])[0] if found else None) == frequency


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("final", "COMPLETED"),
        ("retired", "DEPRECATED"),
        ("superseded", "DEPRECATED"),
        ("deprecated", "DEPRECATED"),
        ("withdrawn", "WITHDRAWN"),
        ("cancelled", "DISCONT"),
        ("pending", "DEVELOP"),
        ("tentative", "DEVELOP"),
        ("valid", None),
        ("accepted", None),
        ("notAccepted", None),
        ("proposed", None),
    ],
)
def test_a_progress_code_of_iso_19115_1_is_a_status_or_is_told(code, status):
    made = result(status=code)
    found = made.dataset.get("status")
    assert (ids("dataset-status", [found])[0] if found else None) == status
    assert "code" not in codes(made)
    assert (f"status: {code}" in made.unread) == (status is None)


def test_of_two_days_of_the_next_update_the_second_is_told():
    made = result(dates=[Dated("2027-01-01", "nextUpdate")], next_update="2028-01-01")
    assert made.dataset["next_update"] == "2027-01-01"
    assert "resourceMaintenance/dateOfNextUpdate: 2028-01-01" in made.unread


def test_an_unknown_frequency_is_reported_and_the_next_update_kept():
    made = result(frequency="de temps en temps", next_update="2027-01-01T00:00:00")
    assert codes(made) >= {"code"}
    assert made.dataset["next_update"] == "2027-01-01"
