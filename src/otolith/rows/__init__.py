"""Result rows (`value`), the file they are kept in (`log`), and the versions and hardware they ran on (`environment`).
A row is one scored cell: `key` says what was run, `result` what came out, `meta` when and on what. Equal keys mean the
same experiment, so resuming is skipping the keys that exist. docs/rows.md documents the format.
"""

from otolith.rows.environment import commit, environment, processor
from otolith.rows.log import Damage, Scan, append, read, scan
from otolith.rows.value import SCHEMA, Row, canonical, find, key_hash, latest, recipe_hash

__all__ = [
    "SCHEMA",
    "Damage",
    "Row",
    "Scan",
    "append",
    "canonical",
    "commit",
    "environment",
    "find",
    "key_hash",
    "latest",
    "processor",
    "read",
    "recipe_hash",
    "scan",
]
