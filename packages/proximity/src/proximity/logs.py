"""How every service logs: one JSON object a line, on standard error."""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer


def to_json_lines(level: str) -> None:
    """`level`: a name such as `info`; an unknown one means info. Tracebacks come without local variables: a password or
    a token may be among them.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
