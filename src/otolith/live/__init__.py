"""`otolith live`: a local server and one page that recognises activities while a phone moves or a recording plays.

`otolith.serving` runs the routes of `app`. Each WebSocket is a `session` that speaks the `protocol`, plays
`recordings` and sends its windows through the one `batcher`. `in_page` hands the page a `runtime` and an `exported`
model so that it recognises by itself. Nothing here is imported before `otolith live` runs: the packages belong to the
extra `live`.
"""
