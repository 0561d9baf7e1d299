"""The load test of `otolith live`: `python -m otolith.benchmarks.streams MODEL`. See `__main__`."""
