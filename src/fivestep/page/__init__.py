"""Step through a training loop in a page: what is shown, who may ask for what, and the server.

``stage`` pauses the loop and tells what happens in messages, ``ring`` keeps them for readers,
``server`` hands them to a page. ``docs/protocol.md`` says what the messages are.
"""
