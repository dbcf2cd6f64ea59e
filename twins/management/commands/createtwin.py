import time
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from accounts import consents
from accounts.models import Kind
from billing.engines import offers
from config.errors import DomainError
from twins import checks, services, tasks, terms
from twins.models import Photo, Training

PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".heic")


def ended(run: Any) -> Any:
    """Waits until the run has ended. A worker beside this command may have claimed it first."""
    while True:
        run.refresh_from_db()
        if not run.is_open:
            return run
        time.sleep(0.2)


class Command(BaseCommand):
    help = (
        "Makes a twin for a user from a folder of photos, in this process. It writes the same rows, credits"
        " and files as the website. The user must have given consent. Exits with status 1 when it fails."
    )

    def add_arguments(self, parser: Any) -> None:
        names = [base.name for base in offers.configured() if base.trains]
        parser.add_argument("folder", type=Path)
        parser.add_argument("--user", required=True, help="the user's e-mail address")
        parser.add_argument("--name", default="", help="the twin's name; the folder's when not given")
        parser.add_argument("--subject", choices=["person", "woman", "man"], default="person")
        parser.add_argument("--base", choices=names, help="the engine that trains; the user's usual one")
        parser.add_argument("--steps", type=int)
        parser.add_argument("--seed", type=int)
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_user_model().objects.filter(email=options["user"].lower()).first()
        if user is None:
            raise CommandError(f"There is no user with the address {options['user']}.")
        files = self._files(options["folder"])
        try:
            if options["dry_run"]:
                self._say_what(user, files, options["base"])
                return
            training = self._make(user, files, options)
        except DomainError as e:
            raise CommandError(str(e)) from None
        training.refresh_from_db()
        if training.status != "succeeded":
            raise CommandError(f"{training.error_code}: {training.error_detail}")
        self.stdout.write(f"Twin {training.twin_id}, training {training.id}: {_judged(training)}")

    def _files(self, folder: Path) -> list[Path]:
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.")
        found = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)
        if not found:
            raise CommandError(f"There is no photo in {folder}.")
        return found

    def _say_what(self, user: Any, files: list[Path], base: str | None) -> None:
        price = terms.price_of_training(user, None, base or "")
        self.stdout.write(f"{len(files)} photos for {user}; price of the training: {price} credits at most")
        if not consents.has(user.id, Kind.BIOMETRIC_TWIN):
            self.stdout.write("The user has not given consent, so the request would be refused.")

    def _make(self, user: Any, files: list[Path], options: dict[str, Any]) -> Training:
        twin = services.create_twin(
            user, name=options["name"] or options["folder"].name, subject_class=options["subject"]
        )
        for path in files:
            photo = services.add_photo(twin, data=path.read_bytes(), file_name=path.name)
            tasks.check_photo(str(photo.id))
            self._say_verdict(path, ended(photo))
        asked = {name: options[name] for name in ("seed", "steps")}
        training = services.start_training(twin, base=options["base"] or "", **asked)
        tasks.train_one(training.id)
        return ended(training)

    def _say_verdict(self, path: Path, photo: Photo) -> None:
        why = f"  {photo.code}: {checks.SENTENCES[photo.code]}" if photo.code else ""
        self.stdout.write(f"{'accepted' if photo.accepted else 'refused':9} {path.name}{why}")


def _judged(training: Training) -> str:
    if training.is_avatar:
        return "a drawn avatar, whose likeness is not measured"
    without = training.likeness_base  # None where measuring it would cost money
    more = f" (without training {without:.2f})" if without is not None else ""
    return f"likeness {training.likeness:.2f}{more}"
