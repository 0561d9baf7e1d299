"""Tables from bytes: where a table begins, its cells and its names, in text, JSON and Parquet."""
