"""The version of this laminar, and of the contract between its processes."""

import sys

__version__ = "0.1.0"

PYTHON = sys.version.split(maxsplit=1)[0]

VERSIONS = {"laminar": __version__, "python": PYTHON}
"""What records say that they were written by."""

WIRE_VERSION = 1
"""Version of what the scheduler passes to the executor process (`laminar.model.wire`).

It grows by one whenever an executor process of the older version could misread the newer one; the two then refuse each
other by name instead of guessing.
"""
