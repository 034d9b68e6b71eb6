"""Actions, auth functions and schemas of the harvest."""
