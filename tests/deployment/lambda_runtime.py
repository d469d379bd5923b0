"""
Runs a handler in this process as Lambda does: its environment and no other, its context, its log.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock

from state_backend.aws.invoke import boto_session
from state_backend.calls import JSON, Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Lambda's context object, as far as anybody reads it."""

    function_name: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    aws_request_id: str
    deadline: float
    """When the function is stopped. Epoch seconds of *clock*."""
    clock: Clock

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round(1000 * (self.deadline - self.clock.now())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One run of a function."""

    answer: JSON = None
    error: str = ""
    """What it raised; empty if it returned."""
    printed: str = ""
    """What it wrote to its log."""

    @property
    def logs(self) -> list[dict[str, Any]]:
        """The lines of its log; each one is JSON."""
        return [json.loads(line) for line in self.printed.splitlines()]


def run(handler: str, event: JSON, context: Context, environment: Mapping[str, str]) -> Invocation:
    """
    Calls *handler* (``module.function``) with *event*, in *environment* and no other.

    Whatever it raises is in what is returned, as Lambda tells it to who invoked.
    """
    module_name, _, function = handler.rpartition(".")
    printed = io.StringIO()
    with mock.patch.dict(os.environ, environment, clear=True), _new_boto_session():
        module = importlib.import_module(module_name)
        with (
            mock.patch.object(module, "Clock", return_value=context.clock),
            _log_to(printed),
        ):
            try:
                answer = getattr(module, function)(json.loads(json.dumps(event)), context)
            except Exception as error:  # noqa: BLE001 - Lambda too makes an answer of any of them
                return Invocation(
                    error=f"{type(error).__name__}: {error}", printed=printed.getvalue()
                )
    return Invocation(answer=answer, printed=printed.getvalue())


@contextlib.contextmanager
def _new_boto_session() -> Iterator[None]:
    """A session remembers its environment; the service models it may have from another one."""
    boto_session.cache_clear()
    session = boto_session()._session
    session.register_component("data_loader", _service_models(session))
    try:
        yield
    finally:
        boto_session.cache_clear()


_models: list[Any] = []


def _service_models(session: Any) -> Any:
    """The first session's loader, which keeps what it has read: that takes longer than a run."""
    if not _models:
        _models.append(session.get_component("data_loader"))
    return _models[0]


@contextlib.contextmanager
def _log_to(printed: io.StringIO) -> Iterator[None]:
    """Everything that Lambda would find in the log: what is printed, and all loggers."""
    others = logging.StreamHandler(printed)
    others.setFormatter(_AsJson())
    others.addFilter(lambda record: record.name.partition(".")[0] not in _own_handlers())
    root = logging.getLogger()
    level = root.level
    streams = [(handler, handler.stream) for handler in _own_handlers().values()]
    for handler, _ in streams:
        handler.setStream(printed)
    root.addHandler(others)
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        root.removeHandler(others)
        root.setLevel(level)
        for handler, stream in streams:
            handler.setStream(stream)


def _own_handlers() -> dict[str, Any]:
    """Loggers that write to the log themselves, such as Powertools', and their handlers."""
    return {
        name: handler
        for name, logger in logging.Logger.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and name == "statehold"
        for handler in logger.handlers
        if isinstance(handler, logging.StreamHandler)
    }


class _AsJson(logging.Formatter):
    """Lambda's own JSON log format."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname, "message": record.getMessage(), "logger": record.name}
        if record.exc_info:
            line["stackTrace"] = self.formatException(record.exc_info)
        return json.dumps(line)
