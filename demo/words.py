"""How the story is told: chapters, lines and marks, in colour where a person is looking."""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass
from typing import TextIO

WIDTH = 100
NAME_WIDTH = 27
"""Of the column in which things are named; what is said of them stands to its right."""

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class NotAsTold(Exception):
    """Something happened otherwise than the story has it. The demo fails with this sentence."""


def expect(as_told: object, otherwise: str) -> None:
    """
    Raises:
        NotAsTold: *as_told* is not true; *otherwise* says what happened instead.
    """
    if not as_told:
        raise NotAsTold(otherwise)


@dataclass(slots=True)
class Teller:
    """Writes the story."""

    out: TextIO
    chapters: int = 0
    refusals: int = 0
    """What was tried and refused, so far."""

    @property
    def coloured(self) -> bool:
        return self.out.isatty() and not os.environ.get("NO_COLOR")

    def opening(self, text: str) -> None:
        self._write(self._painted(text, "bold"))

    def chapter(self, title: str) -> None:
        self.chapters += 1
        self._write("")
        self._write(self._painted(f"{self.chapters}. {title}", "bold"))
        self._write("")

    def say(self, text: str, *, colour: str = "") -> None:
        """A paragraph."""
        for line in textwrap.wrap(text, WIDTH - 3, break_on_hyphens=False, break_long_words=False):
            self._write("   " + self._painted(line, colour))

    def blank(self) -> None:
        self._write("")

    def done(self, name: str, text: str, why: str = "") -> None:
        """Something that is now so."""
        self._entry("✓", "green", name, text, why)

    def refused(self, name: str, text: str, why: str = "") -> None:
        """Something that was tried, and was refused as it must be."""
        self.refusals += 1
        self._entry("✗", "yellow", name, text, why)

    def note(self, name: str, text: str, why: str = "") -> None:
        self._entry("·", "dim", name, text, why)

    def code(self, text: str) -> None:
        """Text to be copied: nothing is put before its lines."""
        for line in text.rstrip("\n").split("\n"):
            self._write(self._painted(line, "cyan"))

    def failed(self, text: str) -> None:
        if self.chapters:
            self._write("")
        for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False):
            self._write(self._painted(line, "red"))

    def end(self, text: str) -> None:
        self._write("")
        for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False):
            self._write(self._painted(line, "bold"))

    def _entry(self, mark: str, colour: str, name: str, text: str, why: str) -> None:
        indent = 5 + NAME_WIDTH + 1
        lines = textwrap.wrap(
            text, WIDTH - indent, break_on_hyphens=False, break_long_words=False
        ) or [""]
        head = f"{name:<{NAME_WIDTH}}"
        if len(name) > NAME_WIDTH:
            self._write(f"   {self._painted(mark, colour)} {self._painted(name, 'bold')}")
            head, first = " " * NAME_WIDTH, "    "
        else:
            first = f"   {self._painted(mark, colour)}"
        self._write(f"{first} {self._painted(head, 'bold')} {lines[0]}".rstrip())
        for line in lines[1:]:
            self._write(" " * indent + line)
        for line in textwrap.wrap(
            why, WIDTH - indent, break_on_hyphens=False, break_long_words=False
        ):
            self._write(" " * indent + self._painted(line, "dim"))

    def _painted(self, text: str, colour: str) -> str:
        if not colour or not text.strip() or not self.coloured:
            return text
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"

    def _write(self, line: str) -> None:
        self.out.write(line.rstrip() + "\n")
        self.out.flush()
