"""Lists, search words and weights that administrators change on the portal's pages, with a journal of changes."""
