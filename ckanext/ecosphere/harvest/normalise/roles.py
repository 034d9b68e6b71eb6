"""Codes of party roles, from codes or labels."""

from __future__ import annotations

from ckanext.ecosphere import vocabularies as voc


def role_code(role: str | None) -> str:
    """Return the code of a role, written as a code or a label ("Propriétaire"); unknown ones are returned unchanged."""
    text = (role or "").strip()
    roles = voc.get("agent-role")
    found = (roles.get(text) or roles.find(text)) if text else None
    return found.id if found else text
