from functools import partial

from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "generation"

    def ready(self) -> None:
        from accounts.consents import kind_of
        from accounts.models import Kind
        from config import registry
        from generation import kinds, notices, services
        from generation.kinds.enlarge import EnlargeKind
        from generation.kinds.headshots import HeadshotsKind
        from generation.kinds.image import ImageKind
        from generation.kinds.repair import RepairKind
        from generation.kinds.restore import RestoreKind
        from generation.kinds.video import VideoKind
        from generation.models import Job
        from ml.catalogue import SERVICES

        for kind in (ImageKind(), HeadshotsKind(), RestoreKind(), RepairKind(), EnlargeKind(), VideoKind()):
            kinds.register(kind)
        registry.known_files.append(Job.known_files)
        registry.run_ended.append(notices.on_run_end)
        registry.on_withdraw.setdefault(Kind.BIOMETRIC_TWIN, []).append(services.stop_jobs)
        for service in SERVICES:
            stop = partial(services.stop_at, service)
            registry.on_withdraw.setdefault(kind_of(service), []).append(stop)
        self._what_is_owned()
        self._quote()
        self._what_ends()

    def _what_is_owned(self) -> None:
        """For archives and erasures."""
        from config import registry
        from generation import exports
        from generation.models import Job, Output
        from generation.presets.models import StudioPreset
        from generation.restorations.exports import restorations
        from generation.restorations.models import Restoration
        from generation.sessions.models import Session

        registry.exporters.append(registry.Exporter((Job, Output), exports.jobs))
        registry.exporters.append(registry.Exporter((Restoration,), restorations))
        registry.exporters.append(registry.Exporter((Session,), exports.sessions))
        registry.exporters.append(registry.Exporter((StudioPreset,), exports.presets))
        registry.known_files.append(Restoration.known_files)
        owned = {Restoration: "user", Session: "user", StudioPreset: "user", Output: "job__user", Job: "user"}
        registry.erasers.append(registry.Eraser(owned))

    def _quote(self) -> None:
        """What a request of each kind costs."""
        from billing import prices
        from generation.clips.serializers import quoted as quoted_clip
        from generation.kinds.enlarge import EnlargeKind
        from generation.models import Job
        from generation.packs.serializers import quoted as quoted_headshots
        from generation.serializers import quoted

        prices.register("image", quoted)
        prices.register("headshots", quoted_headshots)
        prices.register("video", quoted_clip)
        prices.register("repair", lambda user, fields: quoted(user, {**fields, "kind": "image"}))
        prices.register("enlarge", lambda _user, _fields: {"credits": EnlargeKind().price(Job())})
        prices.register("restoration", lambda user, fields: {"credits": prices.restoration()})

    def _what_ends(self) -> None:
        """By time, and with a consent."""
        from accounts.models import Kind
        from config import registry
        from generation import services
        from generation.restorations import retiring

        registry.retain(plan_pictures=retiring.retire)
        registry.concerned.setdefault(Kind.BIOMETRIC_TWIN, []).append(services.concerned)
