"""The process in which the script runs. Its messages go to the one that serves the page.

Started with the path of this file, so that nothing of the folder it was started in is imported
before the script does that itself.
"""

from __future__ import annotations

import os
import sys

CONTACT = "FIVESTEP_PAGE"  # in the environment: where the other process is


def main() -> int:
    """Run the script that stands on the command line; return its exit code."""
    from fivestep.page.link import Link

    link = Link.from_text(os.environ.pop(CONTACT))
    link.sow()
    code = link.perform(sys.argv[1], sys.argv[2:])
    link.close()
    return code


if __name__ == "__main__":
    # No import yet. Of a module, the folder one is in; of a script, its own.
    script = os.path.isfile(sys.argv[1])  # noqa: PTH113
    sys.path[0] = os.path.dirname(os.path.realpath(sys.argv[1])) if script else os.getcwd()  # noqa: PTH109, PTH120
    sys.exit(main())
