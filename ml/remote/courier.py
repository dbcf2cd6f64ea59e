"""Takes work to fal's queue once, and waits for its result, whatever happens in between.

A request is in the journal before it is sent, and its id before anything is waited for. A submit whose answer
was lost is never repeated as it is: see `Rule`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ml.errors import Away, MLError
from ml.remote.circuit import Circuit
from ml.remote.failures import code_of, failure, state_of, words_of
from ml.remote.fal import SERVICE, Busy, Fal, Status, lifecycle
from ml.remote.http import Answer, NotSent, Unanswered
from ml.remote.waits import Patience
from ml.types import Journal, Request

log = logging.getLogger(__name__)
T = TypeVar("T")

POLL_FIRST, POLL_GROWTH = 1.0, 1.5  # seconds between two looks, and how it grows
LOOK_FOR_WEBHOOK = 5.0  # seconds between two looks for a webhook that names a lost request
IN_FLIGHT = 150.0  # seconds that another worker may still be sending a request: more than http.WHOLE_SECONDS
NO_REASON = (400, 401, 403, 408, 429)  # statuses that do not tell how the work ended
UNKNOWN_MOST = 8  # looks in a row, half a minute, that do not know the request
ODD_MOST = 5  # answers in a row that say neither a result nor why there is none


@dataclass(frozen=True)
class Rule:
    """How one kind of work is sent and waited for. Times in seconds.

    `deadline`: after it began; then it is cancelled and counts as lost. `start`: until it must have started
    there. `keep`: how long results stay there. `look`: between two looks at most. `unanswered`: how long a
    webhook may name a request whose answer was lost; after it the work is sent `again`, or fails."""

    deadline: float
    start: int
    keep: int
    look: float
    unanswered: float
    again: bool


class Courier:
    """One for one run. `stage` is told "waiting" or "running" now and then, and may raise Stopped."""

    def __init__(
        self,
        fal: Fal,
        circuit: Circuit,
        journal: Journal,
        *,
        stage: Callable[[str], None],
        now: Callable[[], float] = time.time,
    ):
        self.fal, self.circuit, self.journal, self.stage, self.now = fal, circuit, journal, stage, now

    # ---------------------------------------------------------------- sending

    def start(self, work: str, model: str, rule: Rule, body: Callable[[], Mapping[str, Any]]) -> Request:
        """The request of this piece of work: the one that the journal knows, or a new one. `body` is called
        for a new one alone. MLError; Away when nothing was sent."""
        request = self.journal.open(work)
        if request is None:
            return self._send(work, model, rule, body())
        if request.request_id:
            return request
        return self._unanswered(request, rule, others=True) or self._send(work, model, rule, body())

    def _send(self, work: str, model: str, rule: Rule, body: Mapping[str, Any]) -> Request:
        for _ in range(2 if rule.again else 1):
            request = self.patiently(lambda: self._submit(work, model, rule, body))
            if found := request if request.request_id else self._unanswered(request, rule):
                return found
        raise failure(SERVICE, "engine_away")

    def _submit(self, work: str, model: str, rule: Rule, body: Mapping[str, Any]) -> Request:
        """The request, without an id when there was no answer. Raises Busy, MLError."""
        self._check_circuit()
        request = self.journal.begin(work, SERVICE, model)
        headers = {
            "X-Fal-Request-Timeout": str(rule.start),
            "X-Fal-Object-Lifecycle-Preference": lifecycle(rule.keep),
        }
        try:
            sent = self.fal.submit(request, body, webhook=self.journal.webhook(request), headers=headers)
        except Unanswered:
            self.circuit.failed(SERVICE)
            return request
        except NotSent as e:
            self.circuit.failed(SERVICE)
            self.journal.ended(request, "failed")
            raise failure(SERVICE, "engine_away") from e
        except (Busy, MLError):
            self.journal.ended(request, "failed")
            raise
        self.journal.sent(sent)
        self.circuit.worked(SERVICE)
        return sent

    def _unanswered(self, request: Request, rule: Rule, *, others: bool = False) -> Request | None:
        """The request by the id that a webhook told in time; None when it is written off. `others`: of
        another worker, which may still be sending it and then writes its id. MLError `answer_lost` where it
        must not be sent again."""
        told = rule.unanswered if self.journal.webhook(request) else 0.0
        until = (request.began or self.now()) + max(told, min(IN_FLIGHT, rule.unanswered) * others)
        while not (ident := self.journal.named(request)) and self.now() < until:
            self.stage("waiting")
            self.journal.wait(request, min(LOOK_FOR_WEBHOOK, max(0.1, until - self.now())))
        if ident:
            found = replace(request, request_id=ident, urls=self.fal.urls_of(request.model, ident))
            self.journal.sent(found)
            return found
        self.journal.ended(request, "written_off" if rule.again else "lost")
        if not rule.again:
            raise failure(SERVICE, "answer_lost")
        return None

    def upload(self, data: bytes, *, mime: str, name: str, seconds: int) -> str:
        """Puts a file there that only our account may read. Away, MLError."""
        self._check_circuit()
        try:
            return self.patiently(lambda: self.fal.upload(data, mime=mime, name=name, seconds=seconds))
        except Away:
            self.circuit.failed(SERVICE)
            raise

    def _check_circuit(self) -> None:
        """Away where it is open: no photo goes to a service that will not be asked to train."""
        if self.circuit.open(SERVICE):
            raise failure(SERVICE, "engine_away")

    def patiently(self, call: Callable[[], T]) -> T:
        """Calls again after the time that they ask for, at most a minute in all. MLError `engine_busy`."""
        patience = Patience(self._pause)
        while True:
            try:
                return call()
            except Busy as e:
                if not patience.wait(e.answer):
                    raise failure(SERVICE, "engine_busy") from e

    def _pause(self, seconds: float) -> None:
        pause(seconds, lambda: self.stage("waiting"))

    # ---------------------------------------------------------------- waiting

    def output(self, request: Request, rule: Rule) -> dict[str, Any]:
        """Waits for the model's output. MLError when it failed, was refused, or is lost."""
        until, gap, unknown, odd = (request.began or self.now()) + rule.deadline, POLL_FIRST, 0, 0
        while True:
            status = self._look(request)
            unknown = unknown + 1 if status and status.state == "unknown" else 0
            if status and status.state == "done":
                found = self._output(request, status, last=odd >= ODD_MOST)
                if found is not None:
                    return found
                odd += 1
            if unknown >= UNKNOWN_MOST or self.now() > until:
                self._give_up(request)
            self.stage(_told(status))
            self.journal.wait(request, min(gap, rule.look))
            gap *= POLL_GROWTH

    def _look(self, request: Request) -> Status | None:
        """None while the service cannot be reached: the work goes on there without us."""
        try:
            status = self.fal.status(request)
        except (NotSent, Unanswered):
            self.circuit.failed(SERVICE)
            return None
        except (Busy, MLError) as e:  # every key is refused now, which staff hear of
            log.warning("no look at a request: %s", e)
            return None
        self.circuit.worked(SERVICE)
        return status

    def _output(self, request: Request, status: Status, *, last: bool) -> dict[str, Any] | None:
        """None when there is no result yet, or no answer."""
        try:
            answer = self.fal.result(request)
        except (NotSent, Unanswered, Busy):
            return None
        except MLError as e:  # no key works now; the result may still be there when one does again
            log.warning("no result of a request: %s", e)
            return None
        code = _code_of_result(answer, status)
        if not code:
            return answer.fields
        if code == "odd" and not last:
            return None
        code = "engine_failed" if code == "odd" else code
        log.warning("%s ended with %s (HTTP %s)", request.model, code, answer.status)
        self.journal.ended(request, state_of(code))
        raise failure(SERVICE, code)

    def _give_up(self, request: Request) -> None:
        """Cancels what nobody waits for any more."""
        self.cancel(request)
        self.journal.ended(request, "lost")
        raise failure(SERVICE, "request_lost")

    def fetch(
        self, request: Request, rule: Rule, url: str, most: int, *, size: int | None = None, seconds: float
    ) -> bytes:
        """A result's bytes. MLError; Away while its host cannot be reached and it is kept there."""
        try:
            return self.fal.http.fetch(url, most, size, seconds=seconds)
        except Away as e:
            if self.now() < (request.began or self.now()) + rule.keep:
                raise
            raise failure(SERVICE, "result_gone") from e

    def deliver(self, request: Request, fetch: Callable[[], bytes]) -> bytes:
        """What `fetch` returns; the journal keeps how the request ended. After Away it goes on later."""
        try:
            data = fetch()
        except Away:
            raise
        except MLError as e:
            self.journal.ended(request, state_of(e.code))
            raise
        self.journal.ended(request, "delivered")
        return data

    def cancel(self, request: Request) -> None:
        """Asks them to stop; they may be too late, or away."""
        try:
            self.fal.cancel(request)
        except (NotSent, Unanswered, Busy, MLError) as e:
            log.warning("not cancelled: %s", e)


def _told(status: Status | None) -> str:
    """ "running", or "waiting" with its place in their queue where they tell one: "waiting 3"."""
    if status and status.state == "running":
        return "running"
    return f"waiting {status.place}" if status and status.place else "waiting"


def _code_of_result(answer: Answer, status: Status) -> str:
    """Empty for an output; "odd" for an answer that is neither one nor a reason why there is none."""
    if answer.status == 200:
        good = "" if answer.fields else "result_bad"
        return "engine_failed" if status.error else good
    if not status.error:
        if answer.status == 404:
            return "result_gone"
        if answer.status in NO_REASON or _is_gateways(answer):
            return "odd"
    words = f"{status.error} {words_of(answer.body)}"
    refused = answer.status < 500 and code_of(422, words) == "result_refused"
    return "result_refused" if refused else "engine_failed"


def _is_gateways(answer: Answer) -> bool:
    """Whether a 5xx comes from something before the service: then the result may still be there."""
    told = "error_type" in answer.fields or "x-fal-error-type" in answer.headers
    return answer.status >= 502 and not told


def pause(seconds: float, tell: Callable[[], None]) -> None:
    """Waits in pieces, so that somebody may stop it: `tell` may raise Stopped."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        tell()
        time.sleep(min(left, 2.0))
