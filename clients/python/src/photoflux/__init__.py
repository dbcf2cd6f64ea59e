"""PhotoFlux from Python: `Client`, or `AsyncClient` with the same methods."""

from photoflux.asynchronous import AsyncClient
from photoflux.errors import ApiError, PhotoFluxError, RunFailed, Unreachable
from photoflux.synchronous import Client

__all__ = ["ApiError", "AsyncClient", "Client", "PhotoFluxError", "RunFailed", "Unreachable"]
