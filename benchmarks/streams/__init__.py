"""The load test of `otolith live`: `python -m benchmarks.streams MODEL`. See `__main__`."""
