"""How apps lay out their exports: one short file each, found by name. The plain table comes last and takes the rest."""

from __future__ import annotations

from otolith.importing.formats.base import Format, all_formats, format_named, register

__all__ = ["Format", "all_formats", "format_named", "register"]
