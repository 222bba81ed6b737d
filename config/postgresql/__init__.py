"""Django's PostgreSQL, but for whole numbers that are sent typed: see `base`."""
