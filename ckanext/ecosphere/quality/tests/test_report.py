"""Figures over many datasets, and their trends."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import get_plugin

from ckanext.ecosphere.interfaces import Person, Service
from ckanext.ecosphere.quality import figures, overview
from ckanext.ecosphere.quality.figures import Scope
from ckanext.ecosphere.quality.model import QualityHistory, QualityRow
from ckanext.ecosphere.quality.tests.conftest import act, saved, stored
from ckanext.ecosphere.tests import plans

EVER = date(2000, 1, 1)
pytestmark = pytest.mark.usefixtures("portal")


@pytest.fixture
def catalogue(people: dict[str, Any]) -> dict[str, Any]:
    """An organisation with a good, a poor and a private dataset, and another with a poor one."""
    good = act("package_create", **saved(name="good"))
    poor = act("package_create", name="poor", title="A", owner_org="ddt-42")
    private = act("package_create", **saved(name="private", private=True))
    other = act("package_create", name="other", title="B", owner_org="ddt-43")
    deleted = act("package_create", **saved(name="deleted"))
    act("package_delete", id=deleted["id"])
    return {"good": good, "poor": poor, "private": private, "other": other}


def score(dataset: dict[str, Any]) -> int:
    return stored(dataset["id"]).score


def test_public_figures_count_public_active_datasets_only(catalogue: dict[str, Any]):
    found, _wins = figures.of(Scope())
    scores = sorted(score(catalogue[name]) for name in ("good", "poor", "other"))
    assert found["datasets"] == 3
    assert found["mean"] == round(sum(scores) / 3, 1) and found["median"] == scores[1]
    levels = {level["level"]: level["datasets"] for level in found["levels"]}
    assert sum(levels.values()) == 3 and levels["incomplete"] == 2


def test_figures_of_a_service_may_count_its_private_datasets(catalogue: dict[str, Any]):
    owner = catalogue["good"]["owner_org"]
    assert figures.of(Scope(organization=owner))[0]["datasets"] == 2
    assert figures.of(Scope(organization=owner, private=True))[0]["datasets"] == 3


def test_nothing_gives_empty_figures():
    found, wins = figures.of(Scope(organization="none"))
    assert (found["datasets"], found["mean"], wins) == (0, None, [])
    assert figures.worst(Scope(), 10) == []
    assert figures.trend(Scope(), EVER) == []
    assert figures.mean_over([]) is None


def test_services_are_compared_by_their_means(catalogue: dict[str, Any]):
    groups = figures.by_organization(Scope())
    assert [key for key, _figures in groups] == [
        catalogue["good"]["owner_org"],
        catalogue["other"]["owner_org"],
    ]
    services = [of_service for _key, of_service in groups]
    assert [service["datasets"] for service in services] == [2, 1]
    first, second = (service["mean"] for service in services)
    assert figures.mean_over(services) == round((first + second) / 2, 1)


def test_a_service_has_the_same_figures_alone_and_in_the_comparison(catalogue: dict[str, Any]):
    for key, of_service in figures.by_organization(Scope()):
        assert figures.of(Scope(organization=key))[0] == of_service


def test_territories_and_themes_count_with_what_is_above_them(catalogue: dict[str, Any]):
    groups = dict(figures.by_place_or_theme(Scope(), "territories"))
    assert groups["departement-42"]["datasets"] == 1
    assert groups["region-ara"]["datasets"] == 1


def test_the_quickest_wins_come_first(catalogue: dict[str, Any]):
    _summary, wins = figures.of(Scope())
    points = [win["points"] for win in wins]
    assert points == sorted(points, reverse=True)
    licence = next(win for win in wins if win["criterion"] == "licence")
    assert (licence["datasets"], licence["points"]) == (2, 16)


def test_the_worst_datasets_come_first(catalogue: dict[str, Any]):
    names = [
        package.name
        for package, _row in figures.worst(Scope(organization=catalogue["good"]["owner_org"]), 10)
    ]
    assert names == ["poor", "good"]
    scope = Scope(organization=catalogue["good"]["owner_org"], private=True)
    [(lowest, _row), _second] = figures.worst(scope, 2)
    assert lowest.id == catalogue["poor"]["id"]


def test_the_dashboard_counts_datasets_that_can_be_improved(catalogue: dict[str, Any]):
    row = QualityRow.package_id == catalogue["good"]["id"]
    model.Session.execute(sa.update(QualityRow).where(row).values(score=100))
    service = Service(catalogue["good"]["owner_org"], "ddt-42", "DDT 42")
    person = Person(id="", name="", sysadmin=True, services=[service])
    [card] = get_plugin("ecosphere_quality").ecosphere_dashboard_cards(person)
    assert (card.count, card.lines[0].label) == (2, "A")  # the poor one and the private one


def test_the_trend_follows_every_change(catalogue: dict[str, Any]):
    for name, lines in {
        "good": [(1, 40), (3, 60)],
        "poor": [(2, 10)],
        "private": [(1, 100)],
    }.items():
        for line in model.Session.scalars(
            sa.select(QualityHistory).where(QualityHistory.package_id == catalogue[name]["id"])
        ).all():
            model.Session.delete(line)
        for day, value in lines:
            model.Session.add(
                QualityHistory(
                    package_id=catalogue[name]["id"],
                    day=date(2025, 1, day),
                    score=value,
                    level="x",
                    model_version="1",
                )
            )
    model.Session.commit()
    scope = Scope(organization=catalogue["good"]["owner_org"])
    days = [tuple(point.values()) for point in figures.trend(scope, EVER)]
    assert days == [("2025-01-01", 1, 40.0), ("2025-01-02", 2, 25.0), ("2025-01-03", 2, 35.0)]
    assert [point["day"] for point in figures.trend(scope, date(2025, 1, 3))] == ["2025-01-03"]
    private = figures.trend(Scope(scope.organization, private=True), EVER)
    assert [point["datasets"] for point in private] == [2, 3, 3]


@pytest.fixture
def many(catalogue: dict[str, Any]) -> Iterator[None]:
    """Eight hundred more datasets of a service with one history row each,
    and eight thousand rows of other datasets.
    """
    common = {
        "state": "active",
        "type": "dataset",
        "private": False,
        "extras": {},
        "plugin_data": {},
    }
    common["owner_org"] = catalogue["good"]["owner_org"]
    ids = [
        str(uuid.uuid4()) for _n in range(8_800)
    ]  # random ids: rows of the service are scattered among the others
    rows = [{**common, "id": id_, "name": f"many-{id_}"} for id_ in ids[:800]]
    model.Session.execute(sa.insert(model.package_table), rows)
    lines = {"day": date(2025, 1, 1), "score": 50, "level": "x", "model_version": "1"}
    model.Session.execute(sa.insert(QualityHistory), [{**lines, "package_id": id_} for id_ in ids])
    plans.tidy("package", "ecosphere_quality_history")
    yield
    model.Session.execute(sa.text("DELETE FROM package WHERE name LIKE 'many-%'"))
    model.Session.execute(sa.delete(QualityHistory))
    model.Session.execute(sa.delete(QualityRow))
    plans.tidy("package", "ecosphere_quality", "ecosphere_quality_history")


@pytest.mark.slow("load")
def test_the_trend_of_a_service_reads_its_own_lines_only(catalogue: dict[str, Any], many: None):
    scope = Scope(organization=catalogue["good"]["owner_org"], private=True)
    with plans.asked() as statements:
        assert figures.trend(scope, EVER)[-1]["datasets"] == 803
    assert plans.rows_read(statements, "ecosphere_quality_history") < 2_000
    # The trend over all services is computed in the background.
    assert figures.trend(Scope(), EVER)[-1]["datasets"] == 803


@pytest.mark.slow("load")
def test_a_dashboard_reads_the_datasets_of_its_service_once_for_its_figures(
    catalogue: dict[str, Any], many: None
):
    service = catalogue["good"]["owner_org"]
    rows = {"level": "bronze", "won": 5, "out_of": 10, "facts": {}, "results": {"licence": "fail"}}
    ids = model.Session.scalars(
        sa.select(model.Package.id).where(model.Package.name.like("many-%"))
    )
    common = {**rows, "score": 50, "model_version": "1", "computed_at": datetime.now(timezone.utc)}
    model.Session.execute(sa.insert(QualityRow), [{**common, "package_id": id_} for id_ in ids])
    plans.tidy("ecosphere_quality")
    with plans.asked() as statements:
        found = overview.dashboard(model.Group.get(service), 10)
    assert found["summary"]["datasets"] == 803 and len(found["worst"]) == 10
    assert next(win["datasets"] for win in found["wins"] if win["criterion"] == "licence") == 801
    # Read once for the figures; PostgreSQL also reads the whole table, which is small, for the ten
    # worst datasets.
    assert plans.rows_read(statements, "ecosphere_quality") < 2_000


def test_the_command_scores_again(catalogue: dict[str, Any], cli: Any):
    from ckanext.ecosphere.cli import ecosphere

    told = cli.invoke(ecosphere, ["quality", "rescore", "--due"])
    assert told.exit_code == 0 and "0 datasets scored" in told.output
    told = cli.invoke(ecosphere, ["quality", "rescore"])
    assert told.exit_code == 0 and "5 datasets scored, 0 changed" in told.output
