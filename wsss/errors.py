"""The exception whose message is written for users."""


class WsssError(Exception):
    """An error that a user can fix. The message names the file or key, and says how to fix it."""
