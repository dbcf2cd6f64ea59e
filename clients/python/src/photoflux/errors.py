"""What can go wrong."""

from __future__ import annotations

from typing import Any

import httpx


class PhotoFluxError(Exception):
    """Its text is a sentence for people."""


class Unreachable(PhotoFluxError):
    """The site did not answer, however often it was tried."""


class ApiError(PhotoFluxError):
    """A refusal: `code` is stable and for programs, `errors` has the sentences about each field."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self.problem = status, problem
        self.code: str = problem.get("code", "unknown")
        self.detail: str = problem.get("detail", f"The site answered {status}.")
        self.errors: dict[str, list[str]] = problem.get("errors", {})
        super().__init__(" ".join([self.detail, *(text for texts in self.errors.values() for text in texts)]))

    @classmethod
    def of(cls, response: httpx.Response) -> ApiError:
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        return cls(response.status_code, problem if isinstance(problem, dict) else {})


class RunFailed(PhotoFluxError):
    """A training or a generation that failed or was cancelled. `run` is its last state."""

    def __init__(self, run: Any) -> None:
        self.run = run
        error = run.get("error")
        self.code: str = error["code"] if error else run["status"]
        super().__init__(error["detail"] if error else f"It was {run['status']}.")
