"""Devices of research whose files are no tables, decoded by `actfast`."""
