"""Evaluation protocols (Section V). Each module has `units`, a plain function that yields units of work; `unit.execute`
turns those that are missing into rows."""
