"""One class a service, each over its own `eventscope.EventBus`.

A service says its ``name`` and ``version``, how many events it handles at once (``concurrency``) and
how often it tries again (``max_retries``); it subscribes when it is made.
"""
