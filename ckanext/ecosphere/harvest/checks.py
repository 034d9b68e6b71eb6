"""Checks of the harvest for `ckan ecosphere check`: free workers, allowed networks and ports."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
import rq
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.worker import QUEUE
from ckanext.ecosphere.interfaces import Check, CheckStatus, each_setup
from ckanext.ecosphere.setup.health import check_networks, check_ports

_ = tk._


def free_workers() -> list[Check]:
    """Check that every other queue has a worker that harvests cannot keep busy."""
    name = _("Workers free of harvests")
    harvest = jobs.add_queue_name_prefix(QUEUE)
    heard: set[str] = set()
    for worker in rq.Worker.all(connection=connect_to_redis()):
        queues = set(worker.queue_names())
        if harvest not in queues:
            heard |= queues
    wanted = {jobs.DEFAULT_QUEUE_NAME}.union(
        *(plugin.ecosphere_queues() for plugin in each_setup())
    ) - {QUEUE}
    missing = sorted(queue for queue in wanted if jobs.add_queue_name_prefix(queue) not in heard)
    if missing:
        message = _(
            "Every worker that listens to {queues} takes harvests as well: a slow source keeps "
            "other work waiting"
        )
        remedy = _("Run: {command}").format(command=f"ckan jobs worker {' '.join(missing)}")
        return [Check(name, CheckStatus.WARNING, message.format(queues=", ".join(missing)), remedy)]
    return [Check(name, CheckStatus.OK, _("A harvest keeps no other work waiting"))]


def networks() -> list[Check]:
    """Whether sources may lie in private networks, and whether the ports are ports."""
    use = _("harvests")
    return [*check_networks(config.ALLOWED_NETWORKS, use), *check_ports(config.ALLOWED_PORTS, use)]
