"""`make attack`: security tests of the running portal over HTTP, with real sessions and hostile harvest sources.

Each module of `classes` is one class of attack; its attempts are listed in the tables of `data`. `stage` creates the
accounts and objects under attack, `client` sends HTTP requests as one of these accounts, `load` measures what an
answer costs the portal, `hostile` serves hostile sources and canaries, `inventory` lists the portal's
routes.
"""
