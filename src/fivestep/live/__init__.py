"""The live view of real work: what a training tells of itself, the viewer, comparison, export.

``film`` writes messages beside the journal while ``fit`` trains, ``reading`` reads them (or what a
journal and its vitals hold), ``viewer`` serves them to a page from a process of its own, ``table``
compares runs, ``export`` makes one file. Nothing here that reads needs torch. ``docs/watch.md``
tells how it is used, ``docs/protocol.md`` what the messages are.
"""
