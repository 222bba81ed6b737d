"""The shapes of answers, as the OpenAPI document tells them. Values come from `dashboard.api.serialise`."""
