"""Texts of others, made such that the database takes them.

Tyk stores what it is given. PostgreSQL takes neither NUL nor half a surrogate pair,
both of which JSON can write, and no text that is longer than its column: one odd
record would end the whole pull it is read by, at every turn. The same text is always
cleaned to the same, so that a record nobody touched stays unchanged.
"""


def clean(value: str, length: int | None = None) -> str:
    """Without what PostgreSQL refuses, and cut to `length` characters."""
    whole = value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return whole[:length]


def clean_json(value: object) -> object:
    """The same for every text in a JSON value, the names of members too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): clean_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    return value


def fits(value: str, length: int | None = None) -> bool:
    """Whether a column holds it as it is: an id or address is never mended.

    What is left of one after that may be somebody else's.
    """
    return clean(value, length) == value
