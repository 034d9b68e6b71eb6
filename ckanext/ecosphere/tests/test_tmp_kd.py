from __future__ import annotations
import statistics, time
from typing import Any
import pytest
from ckan.tests import factories
from ckan.tests.helpers import call_action
from ckanext.ecosphere.core import chained
from ckanext.ecosphere.tests import plans
pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

def test_time(app: Any, monkeypatch: Any):
    token = factories.UserWithToken(name="editrice", about="", image_url="")["token"]
    factories.Organization(name="ddt-01", users=[{"name": "editrice", "capacity": "editor"}])
    for n in range(8):
        call_action("package_create", context={"user": "editrice", "ignore_auth": True}, name=f"plu-{n}", title="Plan local", owner_org="ddt-01", private=False,
            resources=[{"url": f"https://a.example/{k}.zip", "format": "ZIP", "name": f"f{k}"} for k in range(4)])
    out = []
    def measure(label):
        for path in ("/fr/dataset/plu-1", "/fr/dataset/"):
            for who in ({}, {"Authorization": token}):
                for _ in range(3): app.get(path, headers=who)
                wall, cpu = [], []
                for _ in range(15):
                    a, b = time.perf_counter(), time.process_time()
                    app.get(path, headers=who)
                    wall.append(time.perf_counter() - a); cpu.append(time.process_time() - b)
                with plans.asked() as st: app.get(path, headers=who)
                out.append(f"{label:16} {path:20} {'editor' if who else 'anon':7} wall {statistics.median(wall)*1000:6.1f} min {min(wall)*1000:6.1f} cpu {statistics.median(cpu)*1000:6.1f} min {min(cpu)*1000:6.1f} statements {len(st)}")
    measure("as is")
    real = chained.once.for_page
    with monkeypatch.context() as m:
        m.setattr(chained.once, "for_page", lambda w, k, make: make() if w == "access" else real(w, k, make))
        measure("no access")
    with monkeypatch.context() as m:
        m.setattr(chained, "_KEPT", "nowhere")
        measure("no services")
    measure("as is again")
    open("/tmp/kd/time.txt", "w").write("\n".join(out))
