"""Actions, auth functions and schemas of the quality room."""
