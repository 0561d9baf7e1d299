"""`otolith live`: a local server and one page that recognises activities while a phone moves or a recording plays.

The server is `app` (routes) behind `guard` (who may come in); each connection is a `session`, which speaks the
`protocol`. Nothing here is imported before `otolith live` runs: the packages belong to the extra `live`.
"""
