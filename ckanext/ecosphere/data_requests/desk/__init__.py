"""Internal work of services on requests: assignment, absences, escalation, calendars."""
