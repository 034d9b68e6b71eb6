"""Contact sheets of organisations (postal address, mailbox, telephone): actions,
auth functions and pages.
"""
