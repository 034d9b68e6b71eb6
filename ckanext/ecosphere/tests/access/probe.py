import csv
import time

from ckan import plugins as p

from ckanext.ecosphere.tests.access import tables


def suite_actions():
    return sorted(
        {n for pl in p.PluginImplementations(p.IActions) if pl.name.startswith("ecosphere") for n in pl.get_actions()}
    )


def test_probe(portal, visitors, ledger):
    params = tables.parameters("actions")
    keys = list(params) + [n for n in suite_actions() if n not in params]
    out = open("/tmp/probe.csv", "w")
    w = csv.writer(out)
    t = time.time()
    for key in keys:
        name, _, case = key.partition(" ")
        row = []
        for persona, v in visitors.items():
            got = {}
            for by in ("id", "name"):
                if "$new_source" in str(params.get(key)):
                    got[by] = "?"
                    continue
                ledger.begin()
                a = v.call(name, portal.filled(params.get(key, {}), by))
                wr = ledger.end()
                o = tables.outcome(a)
                if o == "500":
                    print("500", key, persona, by, a.get_data(as_text=True)[:300])
                if o != "done" and wr:
                    print("WROTE", key, persona, by, wr)
                if o == "invalid":
                    print("INV", key, persona, by, a.get_data(as_text=True)[-250:])
                got[by] = o
            row.append(got["id"] if got["id"] == got["name"] else f"{got['id']}|{got['name']}")
        w.writerow([name, case, *row, ""])
        out.flush()
    print("took", time.time() - t)
