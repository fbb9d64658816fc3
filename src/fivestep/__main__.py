"""``python -m fivestep`` is ``fivestep``."""

import sys

from fivestep.cli import main

sys.exit(main())
