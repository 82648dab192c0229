"""Whether a task is to end."""

import asyncio


def told_to_end() -> bool:
    """Whether the running task was cancelled, also if it never heard of it. Loops ask this.

    An answer or an error that comes at that very moment may take the cancellation's place: python/cpython#86296 before
    Python 3.12, or a connection that breaks.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
