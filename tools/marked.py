"""Files that are written by hand but for a part between two markers, which a tool writes."""

from __future__ import annotations


def replaced_between(text: str, begin: str, end: str, told: str) -> str:
    """
    *text* with *told* in place of all that stands between the markers; they stay.

    Raises:
        ValueError: A marker is missing, so nobody can say what is to be replaced.
    """
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"There is no {begin!r} with {end!r} behind it: put both markers back")
    return f"{before}{begin}{told}{end}{after}"


def with_part(page: str, part: str, told: str) -> str:
    """
    The markdown *page* with *told* as its *part*: between comments that name it, and empty lines.

    Raises:
        ValueError: The page has no such part.
    """
    begin, end = f"<!-- BEGIN {part} -->", f"<!-- END {part} -->"
    return replaced_between(page, begin, end, f"\n\n{told}\n\n")
