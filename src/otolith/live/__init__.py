"""`otolith live`: a local server and one page that recognises activities while a phone moves or a recording plays.

`serve` runs the routes of `app`, to which `guard` admits and which `connections` keep free of clients that hold them
up; `certificate` makes the server's own for TLS. Each WebSocket is a `session` that speaks the `protocol`, plays
`recordings` and sends its windows through the one `batcher`. `in_page` hands the page a `runtime` and an `exported`
model so that it recognises by itself. Nothing here is imported before `otolith live` runs: the packages belong to the
extra `live`.
"""
