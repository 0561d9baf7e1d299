"""The layouts of apps' exports, one short file each, found by name. The plain table comes last and takes the rest.

A new format is a new file in this folder that ends with `SPEC = NewFormat()`; nothing else has to change.
"""

from otolith.importing.formats.base import FORMATS, TAKEN, Claim, Format, about_formats, tells_places

__all__ = ["FORMATS", "TAKEN", "Claim", "Format", "about_formats", "tells_places"]
