"""What this package brings to otolith, which finds it by the entry point in pyproject.toml."""

from otolith_example import drift, order, worst

SPECS = (order.SPEC, drift.Drift, worst.SPEC)
