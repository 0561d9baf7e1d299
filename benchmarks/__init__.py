"""Measurements of otolith against the stock ways of doing the same work.

`python -m benchmarks` prints the table of docs/performance.md; `python -m benchmarks.deploy`, `.collection`,
`.importing` and `.streams` print those of other pages. Every measurement is a function of plain values that returns
plain values. Each runs in a fresh process (`python -m benchmarks.child TASK`), since one way's memory settings and warm
caches would favour the next; ours and the baseline take turns.
"""
