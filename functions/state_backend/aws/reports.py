"""
The hub's report bucket: the places of a sweep, what became of them, and the reports.

An object is read as a stream where it is as long as the organization is large.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError

from state_backend.calls import JSON, AwsError, Call, Invoke

_CHUNK = 1 << 20
_BETWEEN = re.compile(r"[\s,\[]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBucket:
    """The bucket, and whose it must be."""

    name: str
    account: str
    invoke: Invoke

    def write(self, key: str, text: str, content_type: str) -> None:
        """
        Writes *text*, in place of what was there.

        Raises:
            AwsError: S3 did not take it.
        """
        content = {"Body": text.encode(), "ContentType": f"{content_type}; charset=utf-8"}
        self.invoke(self._call("put_object", key, **content))

    def read(self, key: str) -> JSON:
        """
        The JSON in *key*; None if there is no such object.

        Raises:
            AwsError: S3 did not say, or not all of it.
        """
        try:
            return json.loads("".join(self._text(key)))
        except ValueError as error:
            raise AwsError(self._call("get_object", key), "TruncatedAnswer", str(error)) from error
        except AwsError as error:
            if error.code == "NoSuchKey":
                return None
            raise

    def items(self, key: str) -> Iterator[JSON]:
        """
        The objects of the JSON array in *key*, one at a time.

        Raises:
            AwsError: S3 did not say, or what it says is no whole array.
        """
        try:
            yield from array_items(self._text(key))
        except ValueError as error:
            raise AwsError(self._call("get_object", key), "TruncatedAnswer", str(error)) from error

    def _text(self, key: str) -> Iterator[str]:
        call = self._call("get_object", key)
        body = self.invoke(call)["Body"]
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for chunk in body.iter_chunks(_CHUNK):
                yield decoder.decode(chunk)
            yield decoder.decode(b"", final=True)
        except BotoCoreError as error:
            raise AwsError(call, "TruncatedAnswer", f"{key} was cut short: {error}") from error

    def _call(self, operation: str, key: str, **parameters: JSON) -> Call:
        where = {"Bucket": self.name, "Key": key, "ExpectedBucketOwner": self.account}
        return Call("s3", operation, {**where, **parameters})


def array_items(chunks: Iterable[str]) -> Iterator[JSON]:
    """
    The objects of the JSON array in *chunks*; no more than one of them is held with its chunk.

    Raises:
        ValueError: It ends before the array does, or is none.
    """
    decoder = json.JSONDecoder()
    rest, begun = "", False
    for chunk in chunks:
        rest += chunk
        if not begun and rest.lstrip()[:1] not in {"", "["}:
            raise ValueError("it is no JSON array")
        begun = begun or rest.strip() != ""
        start = _next(rest, 0)
        while start < len(rest) and rest[start] == "{":
            try:
                item, end = decoder.raw_decode(rest, start)
            except json.JSONDecodeError:
                break  # it goes on in the next chunk
            yield item
            start = _next(rest, end)
        rest = rest[start:]
    if rest.strip() != "]":
        raise ValueError("it breaks off before the array ends")


def _next(text: str, start: int) -> int:
    found = _BETWEEN.match(text, start)
    return found.end() if found else start
