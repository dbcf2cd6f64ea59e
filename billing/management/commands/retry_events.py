from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.models import WebhookEvent
from billing.payments import webhooks


class Command(BaseCommand):
    help = "Apply failed events of Stripe again. Exit status 1 when some still fail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", help="of these events; all that failed without any")
        parser.add_argument("--dry-run", action="store_true", help="list them, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        failed = WebhookEvent.objects.filter(state=WebhookEvent.State.FAILED).order_by("created_at")
        if options["ids"]:
            failed = failed.filter(id__in=options["ids"])
        still = 0
        for ident in list(failed.values_list("id", flat=True)):
            row = WebhookEvent.objects.get(id=ident) if options["dry_run"] else webhooks.retry(ident)
            self.stdout.write(f"{row}: {row.state} {row.error}".strip())
            still += row.state == WebhookEvent.State.FAILED
        if still and not options["dry_run"]:
            raise CommandError(f"{still} events still fail.")
