"""Learning flows from what ingest traced: join by correlation, count, tell what is overdue."""
