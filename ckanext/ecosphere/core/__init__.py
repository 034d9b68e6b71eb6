"""What the portal adds to CKAN for all rooms: closing of accounts, invitations, dashboards, lists,
outage pages.
"""
