"""Logs: events with fields, to standard error. JSON lines for machines, coloured lines for a person's terminal."""

import logging
import sys

import structlog
from structlog.typing import Processor


def configure_logs(level: str = "info", *, json_lines: bool | None = None) -> None:
    """Set up structlog, once, in a composition root.

    level: ``debug``, ``info``, ``warning`` or ``error``. json_lines: None: JSON unless on a terminal.
    """
    as_json = not sys.stderr.isatty() if json_lines is None else json_lines
    # Tracebacks without local variables: those hold keys and rows.
    renderers: list[Processor] = [
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
    if as_json:
        transformer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        renderers = [
            structlog.processors.ExceptionRenderer(transformer),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
