"""One class a service, each over its own `eventscope.EventBus`."""
