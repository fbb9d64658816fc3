"""How a run is written down: one file for each family of events, and what they share.

Shared are ``notes`` (the iteration that is going on) and ``sampling`` (what is measured in detail).
``kept`` ends an iteration, ``replay`` writes down what went the short way of ``quick``.
"""
