"""Which campaigns are run in full; ``make test`` has a short form of each."""

import os

MATRIX = os.environ.get("FIVESTEP_MATRIX") == "whole"
