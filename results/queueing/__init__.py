"""The work below `results/queue.py`: cells of its list, the wheel they run by, the loop, and what is left."""
