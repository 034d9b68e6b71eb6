"""Whether and how a reader reaches data: ways of access, the State's network, links that answer."""
