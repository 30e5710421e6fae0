"""The one exception that carries a message for people."""


class WsssError(Exception):
    """Something a user can mend: the message names the file or key and the way out."""
