"""Entities: kinds, histories in order, states rebuilt, and what their pages and the API show."""
