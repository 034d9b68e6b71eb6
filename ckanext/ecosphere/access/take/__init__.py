"""Take a part of a service: the request as an address and as code, and the file made in the background."""
