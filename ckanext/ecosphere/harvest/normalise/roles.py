"""Codes of party roles, from codes or labels."""

from __future__ import annotations

from ckanext.ecosphere import vocabularies as voc


def role_code(role: str | None) -> str:
    """Return the code of a role that is written as its code or its name ("Propriétaire"); another as it is written."""
    text = (role or "").strip()
    roles = voc.get("agent-role")
    found = (roles.get(text) or roles.find(text)) if text else None
    return found.id if found else text
