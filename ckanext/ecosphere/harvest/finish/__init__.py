"""The end of a job: withdrawals, counts, report, mail."""
