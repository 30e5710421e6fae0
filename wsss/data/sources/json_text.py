"""Reads a large JSON file value by value, with bounded memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wsss.errors import WsssError

MIB = 2**20
# The longest single value that is accepted, such as one item of a list.
LONGEST = 64 * MIB
WHITE = " \t\n\r"
BYTE_ORDER_MARK = "\xef\xbb\xbf"
Span = tuple[int, int]


class JsonText:
    """A JSON file of which a part is in memory.

    Each byte is one character (Latin-1), so that places in the text are places in the file. The characters that JSON
    uses for its structure are the same in UTF-8. Texts with other characters are read again as UTF-8.
    """

    def __init__(self, path: Path, chunks: Iterator[bytes]) -> None:
        self.path = path
        self._chunks = chunks
        self._text = ""
        self._start = 0  # the place in the file of the text's first character
        self._at = 0  # the place in the text of the next character
        self._ended = False
        self._decoder = json.JSONDecoder()
        self._more()
        if self._text.startswith(BYTE_ORDER_MARK):
            self._at = len(BYTE_ORDER_MARK)

    def members(self) -> Iterator[str]:
        """The keys of the file's object. Whoever iterates takes the value of each key before the next one."""
        for _ in self._parts("{", "}"):
            key, _ = self.value()
            if not isinstance(key, str):
                raise self.damaged("a key in quotes is expected")
            self._take(":")
            yield key
        if self.next_character():
            raise self.damaged("something follows the object")

    def items(self) -> Iterator[tuple[Any, Span]]:
        """The values of a list and their places in the file."""
        return (self.value() for _ in self._parts("[", "]"))

    def value(self) -> tuple[Any, Span]:
        """The next value, and its place in the file."""
        self.next_character()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise self.damaged("values are nested too deeply") from None
            except ValueError as error:
                if self._ended or len(self._text) - self._at > LONGEST:
                    raise self.damaged(getattr(error, "msg", str(error)), getattr(error, "pos", None)) from None
            else:
                if end < len(self._text) or self._ended:
                    break
            self._more()
        span = (self._start + self._at, self._start + end)
        text, self._at = self._text[self._at : end], end
        if not text.isascii():
            found = self._in_utf8(text)
        return found, span

    def next_character(self) -> str:
        """The next character that is no white space; empty at the end of the file. It is not taken."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in WHITE:
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    def damaged(self, reason: str, at: int | None = None) -> WsssError:
        """The error for text that is no JSON."""
        place = self._start + (self._at if at is None else at)
        return WsssError(f"{self.path} is no JSON in UTF-8 (byte {place}: {reason}): get or export the file anew")

    def _parts(self, opening: str, closing: str) -> Iterator[None]:
        """Step through a list or an object. At each step, the next part is to be taken."""
        self._take(opening)
        if self.next_character() == closing:
            self._at += 1
            return
        while True:
            yield
            if self.next_character() == closing:
                self._at += 1
                return
            self._take(",")

    def _take(self, character: str) -> None:
        if self.next_character() != character:
            raise self.damaged(f"{character!r} is expected")
        self._at += 1

    def _more(self) -> None:
        """Read at least as much again as there is, and drop what has been taken."""
        rest = self._text[self._at :]
        pieces, size = [rest], 0
        while size <= len(rest):
            chunk = next(self._chunks, b"")
            if not chunk:
                self._ended = True
                break
            pieces.append(chunk.decode("latin-1"))
            size += len(chunk)
        self._start, self._at, self._text = self._start + self._at, 0, "".join(pieces)

    def _in_utf8(self, text: str) -> Any:
        try:
            return json.loads(text.encode("latin-1").decode("utf-8"))
        except UnicodeDecodeError:
            raise self.damaged("text that is not UTF-8 ends here") from None
