"""The store over ClickHouse: events and keys there, folded state, checkpoints and leases in Django's database.

`engine` is the one way to the server, `tables` the DDL; `writing`, `reading`, `finding`, `scanning` and
`keeping` each do one thing of `store`.
"""
