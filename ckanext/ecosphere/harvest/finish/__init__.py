"""Last stage of a harvest job: withdrawals, counts, report, e-mails."""
