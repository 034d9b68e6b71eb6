"""Whether the e-mail address of an account was confirmed by somebody who reads what comes there.

Nothing is refused to whoever has not confirmed it: they are reminded on their dashboard.
"""
