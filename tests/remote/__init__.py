"""Doubles of fal.ai and Together AI: they speak each service's contract over HTTP on loopback.

`python -m tests.remote.fal --quick` and `python -m tests.remote.together --quick` print their addresses as a
line of JSON. The fixtures `fal` and `together` give every test a handle of a running one, as new:

    def test_a_twin_is_trained_there(fal):
        remote = Remote("fal", tuple(fal.keys), fal.address)  # FAL_URL, FAL_KEYS
        ...
        (run,) = fal.submitted(fal.TRAINER)  # id, model, input, webhook, headers, state, code, cancelled
        assert run["input"]["steps"] == 1000
        assert fal.breaches == []  # nothing was sent that the facts do not name

TOGETHER_URL is `together.address + "/v1"`; `together.generated()` are the bodies of its requests, and
`together.LORA_MODEL` is the model that takes LoRAs.

**What happens next** is a scenario. It meets the next request that fits, `times` times:

    fal.scenario("content_policy", model=fal.PICTURES)   # the next picture is refused with 422
    fal.scenario("busy", times=2, retry_after=2)         # two submits are answered 429
    fal.scenario("away", at="status")                    # one look at a status is answered 503
    fal.scenario("html", model=fal.TRAINER)              # the LoRA of the next training is a page
    assert fal.waiting == []                             # every scenario was met

- One answer (at="submit" where nothing is said; also status, result, cancel, token, upload, file, jwks,
  models, any). fal: bad_key 401, unpaid 403, busy 429 (retry_after), model_gone 404, not_found 404,
  server_error 500, away 503, timeout 504. Together: bad_key, unpaid 402, forbidden_key 403, model_gone 404,
  model_deprecated 400, content_policy 422, unknown_field 422, busy 429 (retry_after), server_error, away,
  timeout.
  Both: drop (the connection is closed before anything is done), hang (seconds), nginx (502, a page),
  html_answer, nan_answer, huge_answer (32 MB). `detail` replaces the sentence.
- A whole request at fal, taken with its submit: slow_queue (positions), failed (error_type, detail),
  content_policy and file_download (told=True: also in the status), nsfw, lost (after), cancel_race,
  cancel_ignored, answer_lost (the request runs, its submit is never answered), nan, duplicate (keys),
  flickers and short (clips),
  webhook_lost, webhook_twice, webhook_early, webhook_forged, webhook_stale, webhook_huge.
  Together: black, nan, duplicate, answer_lost, by_address (an address where base64 was asked for), expired
  (the same, and the picture is gone).
- A result's file: html, pickle, empty, truncated, cut, huge (5 GB by its length), endless, redirect (to a
  private address), private_address, gone, forbidden, bomb (a picture of 30,000 pixels); fal: other_base,
  wrong_size.

**How long it takes.** A request at fal ends after two looks at its status. `fal.pace(polls=0)` ends it with
the first, `fal.pace(seconds=0.5)` by itself (a webhook follows), `fal.pace(hold=True)` with `fal.finish(id)`.

**Time, keys, network.** `fal.advance(3600)` moves the service's clock: files expire, webhooks and dates are
an hour off. `revoke` and `admit` change the keys. After `refuse()` connections are refused, until `listen()`.
`fal.finds("https://studio.example", "http://127.0.0.1:8000")` says where a public origin is on this machine,
for webhooks and for LoRAs that Together reads; to anywhere else the doubles send nothing.
`fal.rotate(keep=False)` replaces the key that signs webhooks. `fal.webhook(id, forged=True)` sends a webhook
again: also `stale`, `padding` (bytes), `url`, `body`; it says whether it was answered 2xx.

**What was seen.** `requests` (every call, its headers, JSON and status), `files("upload")` (name, size,
expires, acl), `read(url)` (their bytes), `fal.webhooks`, `seen()` (all of it).

A LoRA made here is known again by its tensors, and its pictures show the person of the training's photos.
`knows(made.fingerprint(lora), zip)` teaches the face of a LoRA from elsewhere. `FalDouble(state=folder)`
keeps what it has answered over `kill()` and `start()`.
"""

from .handle import Double, DoubleError, FalDouble, TogetherDouble

__all__ = ["Double", "DoubleError", "FalDouble", "TogetherDouble"]
