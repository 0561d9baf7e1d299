"""Result rows (`value`), the file they are kept in (`log`), and the versions and hardware they ran on (`environment`).
A row is one scored cell: `key` says what was run, `result` what came out, `meta` when and on what. Equal keys mean the
same experiment, so resuming is skipping the keys that exist. docs/rows.md documents the format.
"""

from otolith.rows.environment import commit, environment, processor
from otolith.rows.log import Damage, Scan, append, read, scan
from otolith.rows.value import (
    CONTENT,
    SCHEMA,
    Row,
    canonical,
    find,
    is_among,
    key_hash,
    latest,
    recipe_hash,
    without_content,
)

__all__ = [
    "CONTENT",
    "SCHEMA",
    "Damage",
    "Row",
    "Scan",
    "append",
    "canonical",
    "commit",
    "environment",
    "find",
    "is_among",
    "key_hash",
    "latest",
    "processor",
    "read",
    "recipe_hash",
    "scan",
    "without_content",
]
