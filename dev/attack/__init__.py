"""`make attack`: attacks on the running portal, over HTTP, with real sessions, and with hostile sources.

Each module of `classes` is one class of attack; what it tries is in the tables of `data`. `stage` prepares the people
and objects that are attacked, `client` speaks HTTP as one of these people, `load` measures what an answer costs the
portal, `hostile` serves hostile sources and canaries, `inventory` asks the portal which actions and routes it has.
"""
