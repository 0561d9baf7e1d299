"""What `otolith bench` measures, and the stock ways that it measures against.

Every measurement is a function of plain values that returns plain values. `table.py` runs each in a fresh process
(`python -m benchmarks TASK`), since one way's memory settings and warm caches would favour the next, lets ours
and the baseline take turns, and makes the table of it.
"""
