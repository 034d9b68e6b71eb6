"""Work that must not be lost, e-mails and long runs: one table, one way to claim,
retry and resume it.
"""
