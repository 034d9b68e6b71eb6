"""What was the requester's alone becomes public on its day, and those who follow the request are told."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import service
from ckanext.ecosphere.data_requests.answers.tables import EVERYONE, REQUESTER, Delivery
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.notifications import outbox


def lift() -> int:
    """Make public what is due; return of how many requests. A request that is private, or not answered, keeps it."""
    today = clock.day_of(clock.now())
    due = (Delivery.reach == REQUESTER, Delivery.public_from <= today)
    done = 0
    for each in model.Session.scalars(sa.select(Delivery.request_id).where(*due).distinct()).all():
        with service.rolled_back_on_error():
            request = service.lock(each)[each]
            if request.state in states.GIVEN:
                update = sa.update(Delivery).where(Delivery.request_id == each, *due)
                model.Session.execute(update.values(reach=EVERYONE))
                outbox.of_public_answer(request, f"public_answer:{each}:{today.isoformat()}")
                done += 1
            model.Session.commit()
    return done
