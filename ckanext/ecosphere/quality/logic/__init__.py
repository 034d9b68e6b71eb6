"""Actions, access rules and schemas of quality."""
