"""The draft of a refusal: its ground, what the law asks to be said, and the remedies.

A refusal is written, reasoned, and states the remedies and their periods (code de l'environnement, L. 124-6; CRPA,
L. 311-14). The CADA is asked within two months of the refusal (CRPA, R. 343-1); to ask it comes before
any action in court (L. 342-1). For information on the environment, the interest in its disclosure is weighed in each
case (L. 124-4); what can be separated is communicated all the same (CRPA, L. 311-7).
"""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests import wording
from ckanext.ecosphere.data_requests.model import Request

_ = tk._


def draft(request: Request, ground: str) -> str:
    """Text of a refusal to be completed, in the language of the page.

    Args:
        request: the request.
        ground: id in the vocabulary `access-limitation`.
    """
    group = model.Group.get(request.organization_id) if request.organization_id else None
    service = (group.title or group.name) if group else _("[name of the service]")
    received = request.submitted.strftime("%d/%m/%Y") if request.submitted else ""
    return "\n\n".join(
        paragraph.format(
            title=request.title,
            reference=request.reference,
            received=received,
            service=service,
            ground=wording.concept("access-limitation", ground),
        )
        for paragraph in (
            _("You asked for “{title}” on {received} (request {reference})."),
            _("{service} cannot communicate this data on the following ground: {ground}."),
            _(
                "[To be completed: why this ground applies to this data, why the public interest in its disclosure does"
                " not prevail, and whether a part of it can be communicated.]"
            ),
            _(
                "If you contest this decision, you may refer it to the Commission d’accès aux documents administratifs "
                "(CADA) within two months of its receipt, by post (TSA 50730, 75334 Paris Cedex 07) or on its website "
                "(www.cada.fr). This referral is compulsory before any action in court."
            ),
            _(
                "If the refusal is confirmed, or if the service has not answered within two months of the CADA’s "
                "registration of your referral, you may bring the matter before the administrative court within two "
                "months."
            ),
        )
    )
