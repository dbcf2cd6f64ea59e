from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.errors import DomainError
from config.studio import get_base
from generation.packs import previews
from generation.packs.models import PICTURES, Pack
from ml.errors import MLError


class Command(BaseCommand):
    help = (
        "Makes the example pictures of the packs of headshots with an engine of this machine, and replaces"
        " those that are there. Run it again after new weights or changed packs. They show nobody's twin."
    )

    def add_arguments(self, parser: Any) -> None:
        here = [name for name in settings.STUDIO_PROFILES if not get_base(name).service]
        parser.add_argument("pack", nargs="*", help="codes of packs; all that are offered when not given")
        parser.add_argument("--engine", choices=here, help="the first engine of this machine when not given")
        parser.add_argument("--count", type=int, default=PICTURES, choices=range(1, PICTURES + 1))
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        here = [name for name in settings.STUDIO_PROFILES if not get_base(name).service]
        if not here:
            raise CommandError("No engine of this installation runs on this machine.")
        base = get_base(options["engine"] or here[0])
        rows = Pack.objects.filter(enabled=True).prefetch_related("presets")
        if options["pack"]:
            rows = rows.filter(code__in=options["pack"])
        if missing := set(options["pack"]) - {pack.code for pack in rows}:
            raise CommandError(f"These packs are not offered: {', '.join(sorted(missing))}.")
        failed = [pack.code for pack in rows if not self._made(pack, base, options)]
        if failed:
            raise CommandError(f"Without new pictures: {', '.join(failed)}.")

    def _made(self, pack: Pack, base: Any, options: dict[str, Any]) -> bool:
        try:
            made = previews.make(pack, base, count=options["count"], seed=options["seed"])
        except (DomainError, MLError) as e:
            self.stderr.write(f"{pack.code}: {e}")
            return False
        self.stdout.write(f"{pack.code}: {len(made)} pictures by {base.name}")
        return True
