"""The guide's system for real: orders, stock, payments, shipping, notifications and analytics.

Run it with ``python -m examples.orders``; ``python -m examples.orders --help`` says the rest.
"""
