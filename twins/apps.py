from functools import partial
from typing import Any

from django.apps import AppConfig


class TwinsConfig(AppConfig):
    name = "twins"

    def ready(self) -> None:
        from accounts.consents import kind_of
        from accounts.models import Kind
        from billing import prices
        from config import registry
        from ml.catalogue import SERVICES
        from twins import exports, notices, services
        from twins.avatars.models import Avatar
        from twins.models import Photo, Training, Twin
        from twins.proof.exports import proofs
        from twins.proof.models import Challenge, Invitation, PhoneLink, Proof, Selfie
        from twins.redo.exports import redos
        from twins.redo.models import Mark, Redo
        from twins.uploads.exports import uploads
        from twins.uploads.models import Upload

        prices.register("training", _quoted)
        registry.run_ended.append(notices.on_run_end)
        theirs = (Proof, Selfie, Challenge, PhoneLink, Invitation)
        kept = (Photo, Training, Selfie, Avatar, Upload)
        registry.known_files += tuple(kind.known_files for kind in kept)
        registry.on_withdraw.setdefault(Kind.BIOMETRIC_TWIN, []).append(services.disable_twins)
        for service in SERVICES:
            stop = partial(services.stop_at, service)
            registry.on_withdraw.setdefault(kind_of(service), []).append(stop)
        registry.exporters += (
            registry.Exporter((Twin, Photo, Training, Avatar), exports.twins),
            registry.Exporter(theirs, proofs),
            registry.Exporter((Mark, Redo), redos),
            registry.Exporter((Upload,), uploads),
        )
        erased = (*theirs, Mark, Redo, Avatar, Upload, Training, Photo, Twin)
        registry.erasers.append(registry.Eraser(dict.fromkeys(erased, "user")))
        self._what_ends()

    def _what_ends(self) -> None:
        """By time, and with a consent."""
        from accounts.models import Kind
        from config import registry
        from twins import retiring
        from twins.concerned import concerned
        from twins.proof import forgetting
        from twins.uploads.services import forget_expired

        registry.retain(
            refused_photos=retiring.forget_refused,
            trained_photos=retiring.forget_trained,
            selfies=forgetting.tidy_selfies,
            broken_uploads=forget_expired,
        )
        registry.concerned.setdefault(Kind.BIOMETRIC_TWIN, []).append(concerned)


def _quoted(user: Any, fields: dict[str, Any]) -> Any:
    """The price of a training."""
    from rest_framework.serializers import ChoiceField, UUIDField

    from billing.engines import offers
    from twins import terms
    from twins.models import Twin

    twin = UUIDField(allow_null=True, required=False).run_validation(fields.get("twin"))
    own = Twin.objects.owned_by(user).get_or_404(twin) if twin else None
    names = [base.name for base in offers.configured() if base.trains]
    base = ChoiceField(names, allow_blank=True).run_validation(fields.get("base") or "")
    return {"credits": terms.price_of_training(user, own, base)}
