"""Series and members over HTTP: inheritance from the series counts,
and a series with members is accessible.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.jobs import Worker

from ckanext.ecosphere.quality import store
from ckanext.ecosphere.quality.jobs import QUEUE
from ckanext.ecosphere.quality.tests.cases import INSPIRE
from ckanext.ecosphere.quality.tests.conftest import act, saved, stored
from ckanext.ecosphere.tests import plans

pytestmark = pytest.mark.usefixtures("portal")

SERIES = f"{INSPIRE}/metadata-codelist/ResourceType/series"
COMMON = ("license_id", "contact", "theme", "territory", "access_rights", "provenance", "frequency")


def work() -> None:
    Worker([QUEUE]).work(burst=True)


def level(app: Any, name: str) -> str:
    """Return the level in the badge of a dataset's quality page, as seen by anonymous users."""
    page = app.get(f"/fr/dataset/{name}/qualite").body
    return re.findall(r"ecosphere-badge--(\w+)", page)[0]


@pytest.mark.slow("variants")
def test_a_member_inherits_and_a_series_counts_its_members(app: Any, people: dict[str, Any]):
    as_editor = {"Authorization": people["editor"]["token"]}

    def call(action: str, **data: Any) -> dict[str, Any]:
        answer = app.post(f"/api/3/action/{action}", json=data, headers=as_editor).json
        assert answer["success"], answer["error"]
        return answer["result"]

    today = {"modified": date.today().isoformat(), "topic_category": ["environment"]}
    lot = saved(name="lot", title="Zonages du département", dcat_type=SERIES, resources=[], **today)
    lot = call("package_create", **lot)
    assert stored(lot["id"]).results["data_access"] == "fail"
    alone: dict[str, Any] = dict.fromkeys(COMMON)
    member = call(
        "package_create",
        **saved(name="zonage-2025", private=True, in_series=["lot"], **alone, **today),
    )
    states = stored(member["id"]).results
    assert {
        states[name]
        for name in ("licence", "contact", "theme", "territory", "lineage", "frequency")
    } == {"pass"}

    work()
    assert (
        stored(lot["id"]).results["data_access"] == "fail"
    )  # a draft member does not make the series accessible
    call("package_patch", id=member["id"], private=False)
    work()
    assert stored(lot["id"]).results["data_access"] == "pass"
    assert stored(lot["id"]).results["open_format"] == "na"
    assert (level(app, "lot"), level(app, "zonage-2025")) == ("gold", "gold")

    # What the series no longer states is missing from its members: in the row, on the page and in
    # the index.
    act("package_patch", id="lot", license_id="notspecified")
    work()
    assert stored(member["id"]).results["licence"] == "fail"
    assert level(app, "zonage-2025") == "bronze"
    found = app.get("/api/3/action/package_search?fq=ecosphere_quality_level:bronze").json["result"]
    assert {each["name"] for each in found["results"]} == {"lot", "zonage-2025"}

    call("package_delete", id="zonage-2025")
    work()
    assert stored(lot["id"]).results["data_access"] == "fail"


@pytest.mark.slow("variants")
def test_a_draft_series_lends_nothing_and_the_night_catches_up(app: Any, people: dict[str, Any]):
    from ckanext.ecosphere.quality import jobs

    act("package_create", **saved(name="lot", dcat_type=SERIES, private=True, resources=[]))
    member = act("package_create", **saved(name="membre", in_series=["lot"], license_id=None))
    assert stored(member["id"]).results["licence"] == "fail"
    act("package_patch", id="lot", private=False)
    assert stored(member["id"]).results["licence"] == "fail"  # no worker was run
    jobs.scores()
    assert stored(member["id"]).results["licence"] == "pass"


MANY = (
    "INSERT INTO package (id, name, type, state, private, extras, notes) SELECT 'many-' || n, 'many-' || n, 'dataset', "
    "'active', false, '{}', repeat(md5(n::text), 40) FROM generate_series(1, 5000) AS n",
    "INSERT INTO ecosphere_quality (package_id, score, level, won, out_of, facts, results, model_version, computed_at, "
    "series, known_as) SELECT 'many-' || n, 50, 'bronze', 5, 10, jsonb_build_object('text', repeat(md5(n::text), 20)), "
    "'{}', '1', now(), CASE n % 50 WHEN 0 THEN '{}' ELSE ARRAY['lot-' || n / 50] END, "
    "CASE n % 50 WHEN 0 THEN ARRAY['lot-' || n / 50] ELSE '{}' END FROM generate_series(1, 5000) AS n",
)


def test_a_first_harvest_does_not_read_all_datasets_for_each_member():
    """As imported a moment ago: PostgreSQL has no statistics of these rows."""
    for statement in MANY:
        model.Session.execute(sa.text(statement))
    plans.without_statistics("package", "ecosphere_quality")
    try:
        with plans.asked() as statements:
            assert [found["name"] for found in store._lenders(["lot-7"], "many-1")] == ["many-350"]
            assert store._members(["lot-7"]) == 49
        assert plans.rows_read(statements, "package") < 500
    finally:
        model.Session.rollback()
        for table, column in (("ecosphere_quality", "package_id"), ("package", "id")):
            model.Session.execute(sa.text(f"DELETE FROM {table} WHERE {column} LIKE 'many-%'"))
        model.Session.commit()
