"""`otolith label`: a local page on which a person labels recordings by key presses.

`proposals` say which stretch of `stretches` would teach most, and `head` learns from the labels so far; `journal` keeps
them, and `intervals` exports them. Each page has a `session` with the server of `app`, which `work` serves.
"""
