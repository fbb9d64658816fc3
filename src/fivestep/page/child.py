"""The process in which the script runs. Its messages go to the one that serves the page.

Started with the path of this file, so that nothing of the folder it was started in is imported
before the script does that itself. It may be started before it is needed: it calls, loads what
every script needs, and waits to be told which one.
"""

from __future__ import annotations

import os
import sys

CONTACT = "FIVESTEP_PAGE"  # in the environment: where the other process is


def folder(target: str) -> str:
    """Of a script, its own; of a module, the one that we are in."""
    script = os.path.isfile(target)  # noqa: PTH113
    return os.path.dirname(os.path.realpath(target)) if script else os.getcwd()  # noqa: PTH109, PTH120


def main() -> int:
    """Run the script that the other process names; return its exit code."""
    import signal

    presses: list[int] = []  # while it loads, for the script to hear of
    before = signal.signal(signal.SIGINT, lambda number, frame: presses.append(number))
    if os.name == "posix":  # it was begun deaf to it: Python's own start would print a traceback
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    import importlib
    import json
    from multiprocessing.connection import Client

    address, key, modules = json.loads(os.environ.pop(CONTACT))
    try:
        connection = Client(
            tuple(address) if isinstance(address, list) else address, authkey=bytes.fromhex(key)
        )
    except (EOFError, OSError):  # who began this one has gone
        return 0
    from fivestep.page import contact as told
    from fivestep.page import link

    for name in modules:
        importlib.import_module(name)
    try:
        contact = told.Contact.from_text(connection.recv_bytes())
    except (EOFError, OSError):  # no script is to be run any more
        return 0
    try:
        signal.signal(signal.SIGINT, before)
        return 130 if presses else link.run(connection, contact)
    except KeyboardInterrupt:  # before the script or after it: it has no line to be named
        return 130


if __name__ == "__main__":
    # No import yet.
    sys.path[0] = folder(sys.argv[1])
    sys.exit(main())
