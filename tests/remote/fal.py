"""A double of fal.ai: queue, storage, the portrait trainer, pictures with LoRAs, webhooks.

`python -m tests.remote.fal --quick` prints its address. One address stands for fal's four hosts.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Self

from .book import Scenario
from .contract import FAL_MODELS, PLATFORM, check_form, header_faults, url
from .people import Artist
from .results import Maker, ModelRefused
from .runs import COMPLETED, IN_QUEUE, Pace, Queue, Run, new_run, status_of
from .server import Answer, Asked
from .service import Refused, Service, arguments, artist_of, keys_of, stay
from .storage import Storage
from .webhooks import Post, Signing, body_of

KEYS = "double-key-one:secret,double-key-two:secret"
RETRY = 0.2  # seconds before a webhook's second try
UNHEARD = 0.2  # seconds until a run ends whose submit was never answered
BALANCE = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
# Scenario -> status and sentence of one answer.
SAYS = {
    "bad_key": (401, "No user found for Key ID and Secret"),
    "unpaid": (403, BALANCE),
    "busy": (429, "Rate limit exceeded. Please slow down."),
    "model_gone": (404, "Application not found"),
    "server_error": (500, "Internal Server Error"),
    "away": (503, "Service Unavailable"),
    "timeout": (504, "Gateway Timeout"),
    "not_found": (404, "Request not found"),
}
# Scenario -> how its webhook is delivered.
WEBHOOKS: dict[str, dict[str, Any]] = {
    "webhook_forged": {"forged": True},
    "webhook_stale": {"stale": True},
    "webhook_huge": {"padding": 10 << 20},
}
RUNS = (
    "slow_queue failed content_policy file_download nsfw lost cancel_race cancel_ignored answer_lost nan"
    " duplicate other_base wrong_size bomb private_address webhook_lost webhook_twice webhook_early"
    " flickers short"
)


class Fal(Service):
    runs_faults = (*RUNS.split(), *WEBHOOKS)

    def __init__(
        self, keys: tuple[str, ...], artist: Artist, folder: Path | None = None, quick: bool = True
    ) -> None:
        super().__init__(keys, folder)
        self.signing = Signing(folder / "signing.json" if folder else None)
        self.post = Post(self.book, self.signing, RETRY)
        self.artist = artist
        self.maker = Maker(self.shelf, self.book, artist, lambda: self.address)
        runs, work = folder / "runs" if folder else None, None if quick else self.work
        self.queue = Queue(self.book, self.make, self.ended, runs, work)
        Storage(self)
        app = r"/(?P<owner>[\w.-]+)/(?P<app>[\w.-]+)"
        run = app + r"/requests/(?P<id>[\w-]+)"
        self.routes += [
            ("GET", "/.well-known/jwks.json", self.jwks),
            ("GET", run + "/status", self.status),
            ("GET", run + "/status/stream", self.stream),
            ("GET", run, self.result),
            ("PUT", run + "/cancel", self.cancel),
            ("POST", app + r"(?P<sub>(/[\w.-]+)*)", self.submit),
        ]
        self.controls |= {
            ("POST", "pace"): self.set_pace,
            ("POST", "finish"): self.set_finished,
            ("POST", "webhook"): self.send_webhook,
            ("POST", "rotate"): self.rotate,
            ("POST", "person"): self.set_person,
        }

    def open(self, port: int = 0) -> Self:
        super().open(port)
        self.queue.resume()
        return self

    # ---------------------------------------------------------------- the queue

    def admit(self, asked: Asked) -> str:
        """The key of the request. Raises Refused with 401."""
        scheme, _, key = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Key" or key not in self.book.keys:
            raise Refused(401, {"detail": SAYS["bad_key"][1]})
        return key

    def submit(self, asked: Asked, owner: str, app: str, sub: str = "") -> Answer:
        model = f"{owner}/{app}{sub}"
        self.suffer("submit", model)
        key = self.admit(asked)
        if model not in FAL_MODELS:
            raise Refused(404, {"detail": f"Application '{app}' not found"})
        self._check_envelope(asked)
        run = self.queue.add(self._new_run(asked, model, key))
        if run.scenario == "webhook_early":
            self.queue.finish(run)
            self.post.deliver(run.webhook, self.webhook_body(run), tries=1)
        if run.scenario == "answer_lost":
            return Answer(silent=True)
        more = {"gateway_request_id": run.gateway_id} if run.webhook else {}
        position = {"status": IN_QUEUE, "queue_position": run.position}
        return Answer(200, {"request_id": run.id, **run.urls(self.address), **position, **more})

    def _new_run(self, asked: Asked, model: str, key: str) -> Run:
        scenario = self.book.take("run", model) or Scenario("", "")
        if scenario.name == "answer_lost":
            scenario.params.setdefault("seconds", UNHEARD)
        headers = {name: value for name, value in asked.headers.items() if name.startswith("x-fal-")}
        life = json.loads(headers.get("x-fal-object-lifecycle-preference", "{}"))
        return new_run(
            model=model,
            input=self._input(asked, model),
            key=key[-4:],
            webhook=asked.query.get("fal_webhook", ""),
            made=self.book.now(),
            lifecycle=life,
            headers=headers,
            scenario=scenario.name,
            params=scenario.params,
            position=scenario.get("positions", 4 if scenario.name == "slow_queue" else 0),
        )

    def _check_envelope(self, asked: Asked) -> None:
        """Checks headers and query. Raises Refused."""
        faults = header_faults(asked.headers)
        faults += [f"query {name}" for name in asked.query.keys() - {"fal_webhook", "fal_max_queue_length"}]
        if "fal_webhook" in asked.query and (said := url(asked.query["fal_webhook"])):
            faults.append(f"fal_webhook: {said}")
        for fault in faults:
            self.book.breach(fault)
        if faults:
            raise Refused(422, {"detail": faults[0]})

    def _input(self, asked: Asked, model: str) -> dict[str, Any]:
        """The model's input. What breaks the contract is noted; the run will end with 422."""
        try:
            body = json.loads(asked.body)
        except ValueError:
            self.book.breach(f"{model}: the body is not JSON")
            raise Refused(422, {"detail": "Invalid JSON"}) from None
        for place, said, _ in check_form(body, *FAL_MODELS[model]):
            self.book.breach(f"{model}: {'.'.join(place)}: {said}")
        return body if isinstance(body, dict) else {}

    def _run(self, asked: Asked, step: str, owner: str, app: str, id: str) -> Run:
        """The request of this address. Raises Refused."""
        self.suffer(step)
        self.admit(asked)
        run = self.queue.find(id)
        if run is None or run.app != f"{owner}/{app}":
            raise Refused(404, {"detail": SAYS["not_found"][1]})
        return run

    def status(self, asked: Asked, owner: str, app: str, id: str) -> Answer:
        logs = asked.query.get("logs", "0")
        if logs not in ("0", "1", "true", "false") or asked.query.keys() - {"logs"}:
            self.book.breach(f"status: query {asked.query}")
        run = self._run(asked, "status", owner, app, id)
        self.queue.look(run)
        if run.lost:
            raise Refused(404, {"detail": SAYS["not_found"][1]})
        return Answer(*status_of(run, self.address, logs=logs in ("1", "true")))

    def stream(self, asked: Asked, owner: str, app: str, id: str) -> Answer:
        """Every status until the end, as server-sent events; they are sent together."""
        run, rows = self._run(asked, "status", owner, app, id), []
        for _ in range(1000):
            self.queue.look(run)
            rows.append(json.dumps(status_of(run, self.address, logs=True)[1]))
            if run.state == COMPLETED or run.lost:
                break
            time.sleep(0.02)
        events = "".join(f"data: {row}\n\n" for row in rows)
        return Answer(200, events.encode(), {"Content-Type": "text/event-stream"})

    def result(self, asked: Asked, owner: str, app: str, id: str) -> Answer:
        run = self._run(asked, "result", owner, app, id)
        if run.state != COMPLETED:
            return Answer(400, {"detail": "Request is still in progress"})
        headers = {"X-Fal-Request-Id": run.id}
        if run.error_type in PLATFORM:
            headers["X-Fal-Error-Type"] = run.error_type
        if run.scenario == "duplicate":
            text = json.dumps(run.body)
            return Answer(run.code, f'{{"{next(iter(run.body))}": null, {text[1:]}', headers)
        return Answer(run.code, run.body, headers)

    def cancel(self, asked: Asked, owner: str, app: str, id: str) -> Answer:
        status, said = self.queue.cancel(self._run(asked, "cancel", owner, app, id))
        return Answer(status, {"status": said})

    # ---------------------------------------------------------------- how a run ends

    def make(self, run: Run) -> None:
        """Sets the result."""
        if run.cancelled and run.scenario != "cancel_ignored":
            self._end_by_platform(run, "client_cancelled", "The request was cancelled")
        elif run.scenario == "failed":
            kind = run.get("error_type", "runner_disconnected")
            self._end_by_platform(run, kind, run.get("detail", "Runner disconnected"))
        else:
            run.code, run.body = run.ready or self.work(run)
            if run.code == 422 and run.get("told"):
                run.error, run.error_type = "Invalid status code: 422", run.body["detail"][0]["type"]

    def work(self, run: Run) -> tuple[int, Any]:
        """The HTTP status and the body of the model's answer."""
        try:
            return 200, self.maker.make(run)
        except ModelRefused as refused:
            return 422, {"detail": refused.detail}

    def _end_by_platform(self, run: Run, kind: str, detail: str) -> None:
        run.error, run.error_type, run.code = detail, kind, PLATFORM.get(kind, 500)
        run.body = {"detail": detail, "error_type": kind}

    def ended(self, run: Run) -> None:
        if not run.webhook or run.scenario in ("webhook_lost", "webhook_early"):
            return
        for _ in range(2 if run.scenario == "webhook_twice" else 1):
            self.post.send(run.webhook, self.webhook_body(run), **WEBHOOKS.get(run.scenario, {}))

    def webhook_body(self, run: Run) -> dict[str, Any]:
        return body_of(run.id, run.gateway_id, run.code, run.body)

    def jwks(self, asked: Asked) -> Answer:
        self.suffer("jwks")
        return Answer(200, self.signing.jwks())

    def fault(self, scenario: Scenario) -> Answer:
        status, said = SAYS[scenario.name]
        headers = {"Retry-After": str(scenario.get("retry_after"))} if scenario.get("retry_after") else {}
        return Answer(status, {"detail": scenario.get("detail", said)}, headers)

    def names(self) -> set[str]:
        return super().names() | {*SAYS}

    # ---------------------------------------------------------------- control

    def set_pace(self, asked: Asked) -> Answer:
        row = json.loads(asked.body)
        model = row.pop("model", "")
        if model:
            self.queue.paces[model] = Pace(**row)
        else:
            self.queue.pace = Pace(**row)
        return Answer(200, {})

    def set_finished(self, asked: Asked) -> Answer:
        """Ends a run, or all that are open."""
        id = json.loads(asked.body or b"{}").get("id")
        for run in [self.queue.runs[id]] if id else list(self.queue.runs.values()):
            self.queue.finish(run)
        return Answer(200, {})

    def send_webhook(self, asked: Asked) -> Answer:
        """Sends a run's webhook (again), once, with the given faults; `url` and `body` replace its own."""
        row = json.loads(asked.body)
        run = self.queue.runs[row.pop("id")]
        body = row.pop("body", None) or body_of(run.id, run.gateway_id, run.code or 200, run.body)
        return Answer(200, {"ok": self.post.deliver(row.pop("url", run.webhook), body, tries=1, **row)})

    def rotate(self, asked: Asked) -> Answer:
        self.signing.rotate(keep=json.loads(asked.body or b"{}").get("keep", True))
        return Answer(200, self.signing.jwks())

    def set_person(self, asked: Asked) -> Answer:
        """Teaches whose face a LoRA has that was not trained here; the body is a ZIP of photos."""
        self.artist.learn(asked.query["fingerprint"], asked.body, "", lambda share: False)
        return Answer(200, {})

    def seen(self) -> dict[str, Any]:
        rows = [run.__dict__ for run in list(self.queue.runs.values())]
        runs = [{name: value for name, value in row.items() if name != "lock"} for row in rows]
        return super().seen() | {"runs": runs, "webhooks": list(self.post.sent)}

    def reset(self) -> None:
        super().reset()
        self.queue.clear()
        self.post.clear()
        self.artist.clear()


def main() -> None:
    args = arguments("fal", KEYS).parse_args()
    artist = artist_of(args)
    stay(Fal(keys_of(args), artist, args.state, args.quick).open(args.port), artist, args)


if __name__ == "__main__":
    main()
