"""What administrators change on the pages of the portal (lists, words and weights of the search), and its journal."""
