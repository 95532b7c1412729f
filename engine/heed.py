"""A cancellation that a library has lost, found again."""

import asyncio


def cancellation() -> None:
    """End this task if it is to end: of one that is cancelled as its server goes, redis-py tells the latter only."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
