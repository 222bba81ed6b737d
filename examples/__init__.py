"""Systems that use the kit as a team of one's own would: they import `eventscope` and nothing above it."""
