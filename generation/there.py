"""Where a service that takes no files reads the twin of a job: a signed address, while the job runs."""

from __future__ import annotations

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.vault.vault import store
from billing.engines.journal import LORA, READS
from config.errors import NotFound
from config.runs.states import Status
from config.web import problems
from generation.models import Job
from ml.remote.lora import without_facts
from twins.models import Training
from twins.proof import companies

SECONDS = 3600  # an address holds


@require_safe
def lora_there(request: HttpRequest, token: str) -> HttpResponse:
    """The LoRA alone: nothing in it says whose it is."""
    try:
        training = _version(token)
        data = without_facts(store(training.user_id).read(training.lora))
    except (NotFound, FileNotFoundError):
        return problems.respond(NotFound())
    return HttpResponse(
        data, content_type="application/octet-stream", headers={"Cache-Control": "private, no-store"}
    )


def _version(token: str) -> Training:
    """The version of the twin that a running job shows there. Raises NotFound."""
    try:
        ident = signing.loads(token, salt=LORA, max_age=SECONDS)
    except signing.BadSignature:
        raise NotFound from None
    job = Job.objects.filter(id=ident, status=Status.RUNNING).select_related("twin", "training").first()
    if job is None or job.service not in READS or job.twin is None or job.training is None:
        raise NotFound
    if not job.training.sha256 or not companies.allows(job.twin, job.base):
        raise NotFound
    return job.training
