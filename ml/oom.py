"""Running out of memory, as an answer for the user."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ml.errors import DeviceLost, MLError

# PyTorch and oneDNN report it so on a CPU, where there is no class of error for it.
MESSAGES = (
    "can't allocate memory",
    "not enough memory",
    "could not create a primitive",
    "could not create a memory",
)


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Inside, running out of memory raises MLError `out_of_memory`, and losing the accelerator DeviceLost."""
    try:
        yield
    except MemoryError as e:
        raise _no_memory() from e
    except RuntimeError as e:
        import torch

        if isinstance(e, torch.OutOfMemoryError) or any(words in str(e) for words in MESSAGES):
            raise _no_memory() from e
        if isinstance(e, torch.AcceleratorError):
            raise DeviceLost(str(e)) from e
        raise


def _no_memory() -> MLError:
    return MLError(
        "out_of_memory",
        "There is not enough memory for this. Close other programs, or choose a smaller size.",
    )
