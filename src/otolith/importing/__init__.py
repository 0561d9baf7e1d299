"""Recordings of users' own, from phone exports and tables to recordings in SI units or a data set folder.

`containers` lists the files; `formats` finds the sensors in `tables` and `devices`; `times`, `sensors` and `labels`
give the numbers their meaning; `signals` makes recordings of them; `read` joins all of it, and `write` leaves a data
set with its `quality` page. What header and data do not decide is asked, or refused with the option to give.
"""

from otolith.importing.findings import Findings
from otolith.importing.imported import Imported
from otolith.importing.options import ImportOptions
from otolith.importing.questions import Ask
from otolith.importing.read import read_recordings
from otolith.importing.write import import_recordings

__all__ = ["Ask", "Findings", "ImportOptions", "Imported", "import_recordings", "read_recordings"]
