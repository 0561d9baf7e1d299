"""Recordings of users' own, from phone exports and tables to recordings in SI units or a data set folder.

`sources` lists files, `formats` finds the sensors in them, `timing`, `repair`, `units` and `labels` give the numbers
their meaning, `read` joins all of it, and `write` leaves a data set with its `quality.html`. What header and data do
not decide is asked, or refused with the option to give.
"""

from otolith.importing.findings import Findings
from otolith.importing.imported import Imported
from otolith.importing.options import ImportOptions
from otolith.importing.questions import Ask
from otolith.importing.read import read_recordings
from otolith.importing.write import import_recordings

__all__ = ["Ask", "Findings", "ImportOptions", "Imported", "import_recordings", "read_recordings"]
