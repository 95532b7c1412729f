"""Log lines: structured, to stderr, as JSON unless a person looks on."""

import logging
import sys
from contextvars import ContextVar

import structlog
from structlog.contextvars import STRUCTLOG_KEY_PREFIX
from structlog.typing import Processor

# structlog puts what is set under such names into every line. Setting them here takes a tenth of what its own
# bind_contextvars does, on the way of every command.
_command_id: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}command_id")
_correlation_id: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}correlation_id")


def bind(command_id: str, correlation_id: str) -> None:
    """Put these ids into every line that is logged from now on in this task, and in those that it begins."""
    _command_id.set(command_id)
    _correlation_id.set(correlation_id)


def configure(level: str, format: str) -> None:
    """Send what the engine and its libraries have to say the same way."""
    is_console = sys.stderr.isatty() if format == "auto" else format == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = (
        # Plain: the pretty form prints local variables, and with them whatever a client sent.
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if is_console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=max(threshold, logging.INFO), handlers=[handler], force=True)
