import time
from collections import Counter
from ckanext.ecosphere.tests.test_records_exchange import datasets  # noqa
from ckanext.ecosphere.tests.test_round_trip import feed  # noqa
from ckanext.ecosphere.tests.round_trip import differences, harvested, table
from ckanext.dcat.utils import dataset_uri

def test_real(datasets, feed):
    print(len(datasets), "datasets")
    start = time.time()
    again = harvested(f"{feed}/catalog.ttl")
    print(len(again), "read", time.time() - start)
    found = []
    for before in datasets:
        after = again.get(dataset_uri(before))
        if after is None:
            print("MISSING", before["title"], dataset_uri(before)); continue
        found += [(d, f"{before['title'][:40]!r} {v}") for d, v in differences(before, after)]
    seen = Counter()
    for d, v in found:
        seen[d] += 1
        if seen[d] <= 4: print(d, v[:700])
    print(table(found))
    assert found == []
