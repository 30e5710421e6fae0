"""The exception whose message is written for users, and texts of users in such messages."""

from typing import Any

# Longer values are cut in messages.
LONGEST_SHOWN = 120
LONGEST_REASON = 300


class WsssError(Exception):
    """An error that a user can fix. The message names the file or key, and says how to fix it."""


def shown(value: Any) -> str:
    """A value of a user as Python writes it, cut if it is long. It never holds a line break or a control character."""
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except (ValueError, RecursionError):
        # A number of more digits than Python writes, or a value that holds itself.
        text = f"{type(value).__name__} too large to show"
    return brief(text)


def brief(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A text that stands in a file, cut if it is long. It never holds a line break or a control character."""
    return printable(text if len(text) <= longest else f"{text[:longest]}...")


def reason_of(error: BaseException) -> str:
    """What a library says of a file that it cannot read, in one line and cut if it is long."""
    return brief(" ".join(str(error).split()), LONGEST_REASON)


def printable(text: str) -> str:
    """A text in which control characters, also those of terminals, stand as escapes such as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
