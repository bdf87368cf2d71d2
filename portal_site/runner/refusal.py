"""Why a run does not start."""


class Refusal(Exception):
    """`make run` can't go on; the message is one line that says how to mend it."""
