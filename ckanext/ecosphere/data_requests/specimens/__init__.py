"""Letters and e-mails of made-up requests, printed for a jurist to read."""
