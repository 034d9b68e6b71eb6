"""How services are reached: their contact sheets, with actions, access rules and page."""
