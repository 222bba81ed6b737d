"""The clock of the system: what `manage.py monitor` does, each duty by itself, under one lease."""
