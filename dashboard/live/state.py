try:
    from ingest.queries.state import markers, open_breakers, open_dead_letters, unhealthy_components
except ImportError:

    def open_dead_letters():
        return 0

    def open_breakers():
        return 0

    def unhealthy_components():
        return 0

    def markers(a, b):
        return []
