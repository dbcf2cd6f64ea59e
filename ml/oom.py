"""Turns out-of-memory errors into a message for the user."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ml.errors import DeviceLost, MLError

# Messages of PyTorch and oneDNN on a CPU, where they have no error class for it.
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
