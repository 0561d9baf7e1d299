"""Shared parts of otolith's local pages: who is let in, how long connections last, TLS, and their common style.

`serve` runs an application at a place that it listens on; `guard` admits to its routes, and `connections` keep it free
of clients that hold it up; `certificate` makes the server's own for TLS. `pages` are the files of a page, and how they
are sent. The packages that this needs belong to the extra `live`; nothing here is imported before a server runs.
"""
