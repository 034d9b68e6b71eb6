"""Services of real records, replayed with hand-made capabilities: kind, layer,
and links that are not read.
"""

from __future__ import annotations

import pytest

from ckanext.ecosphere.tests.judged_resources import services

LEAST_RECORDS, LEAST_SERVICES = 20, 80


@pytest.mark.records
def test_kinds_and_layers_of_the_services_of_real_records():
    verdicts = services()
    assert len({each.record for each in verdicts}) >= LEAST_RECORDS
    assert len(verdicts) >= LEAST_SERVICES
    assert [each for each in verdicts if not each.right] == []
    assert {"wms", "wfs", "wmts", "atom"} <= {
        each.found["kind"] for each in verdicts if each.found["layer"]
    }
