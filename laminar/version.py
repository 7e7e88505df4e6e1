"""The version of this laminar, and of the contract between its processes."""

__version__ = "0.1.0"

WIRE_VERSION = 1
"""Version of what the scheduler passes to the executor process (`laminar.model.wire`).

It grows by one whenever an executor process of the older version could misread the newer one; the two then refuse each
other by name instead of guessing.
"""
