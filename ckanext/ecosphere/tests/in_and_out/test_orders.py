"""A plain catalogue goes in and out of the plugins in every order of what people may run,
and loses nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from ckanext.ecosphere.tests.in_and_out import orders
from ckanext.ecosphere.tests.in_and_out.conftest import ROOT

#: How many operations are walked in every order.
IN_A_ROW = os.environ.get("IN_A_ROW", "2")


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_every_order_is_in_the_way(size: int):
    way = orders.every_order(orders.OPERATIONS, size)
    walked = {tuple(way[start : start + size]) for start in range(len(way))}
    assert set(permutations(orders.OPERATIONS, size)) <= walked


@pytest.mark.slow("orders")
def test_a_plain_catalogue_loses_nothing(
    tmp_path: Path, configurations: Callable[..., tuple[Path, Path]]
):
    plain, ours = configurations(tmp_path, "harvest", "ckan_harvester")
    command = [sys.executable, "-m", orders.__name__, str(plain), str(ours), IN_A_ROW]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stderr[-5000:]
    assert done.stdout.rstrip().endswith(" 0 lost")
