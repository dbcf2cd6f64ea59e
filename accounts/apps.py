from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from allauth.account.models import EmailAddress, EmailConfirmation
        from allauth.account.signals import email_added, password_reset
        from allauth.mfa.models import Authenticator
        from allauth.socialaccount.models import SocialAccount, SocialToken
        from allauth.usersessions.models import UserSession
        from celery.signals import beat_init, worker_init

        from accounts import addresses, checks, ended, erasure, exports, retaining, tombstones  # noqa: F401  checks and ended register themselves
        from accounts.models import Consent, DataKey, Export, User
        from accounts.privacy.models import PrivacyRequest
        from accounts.vault import orphans
        from config import registry
        from config.runs import idempotency

        registry.known_files.append(lambda user_id: (e.file for e in Export.objects.filter(user=user_id)))
        theirs = (EmailAddress, Authenticator, SocialAccount, UserSession, Consent, Export)
        registry.exporters.append(registry.Exporter((User, *theirs), exports.account))
        registry.exporters.append(registry.Exporter((PrivacyRequest,), exports.requests))
        for name in ("archives", "sessions", "counts", "staff_log", "requests", "answered_requests", "codes"):
            registry.retain(**{name: getattr(retaining, name)})
        registry.retain(keys=idempotency.forget, orphans=orphans.sweep)
        gone = dict.fromkeys((*theirs, DataKey), "user")
        registry.erasers.append(
            registry.Eraser(
                {SocialToken: "account__user", EmailConfirmation: "email_address__user", **gone, User: "id"},
                erase=erasure.erase_rest,
            )
        )
        password_reset.connect(addresses.after_reset)
        email_added.connect(addresses.keep_primary)
        worker_init.connect(tombstones.refuse_start)
        beat_init.connect(tombstones.refuse_start)
        self._make_roles()
        self._keep_codes()
        self._serve_programs()
        self._tell_of_runs()
        self._read_tokens()

    def _make_roles(self) -> None:
        """The signal comes once for each app with models: after the last one, all permissions are there."""
        from django.apps import apps
        from django.db.models.signals import post_migrate

        from accounts import roles

        last = [each for each in apps.get_app_configs() if each.models_module][-1]
        post_migrate.connect(roles.make_groups, sender=last)

    def _read_tokens(self) -> None:
        """When a token was issued decides nothing: its end does, and its session. PyJWT would refuse a token
        of a web process whose clock is ahead of this one's."""
        import jwt

        jwt.decode.__self__.options["verify_iat"] = False  # type: ignore[attr-defined]

    def _keep_codes(self) -> None:
        from accounts.phones.exports import codes
        from accounts.phones.models import PhoneCode
        from config import registry

        registry.exporters.append(registry.Exporter((PhoneCode,), codes))
        registry.erasers.append(registry.Eraser({PhoneCode: "user"}))

    def _serve_programs(self) -> None:
        from accounts.developers import services as keys
        from accounts.developers import webhooks
        from accounts.developers.exports import developers
        from accounts.developers.models import ApiKey, Attempt, Delivery, Webhook
        from config import registry

        registry.retain(api_keys=keys.forget_ended, deliveries=webhooks.forget_old)
        registry.exporters.append(registry.Exporter((ApiKey, Webhook, Delivery, Attempt), developers))
        sent = {Attempt: "delivery__webhook__user", Delivery: "webhook__user"}
        registry.erasers.append(registry.Eraser({**sent, Webhook: "user", ApiKey: "user"}))
        registry.run_ended.append(webhooks.on_run_ended)

    def _tell_of_runs(self) -> None:
        from accounts.notices import archives, services
        from accounts.notices.models import Notice, PushSubscription
        from config import registry

        registry.exporters.append(registry.Exporter((Notice, PushSubscription), archives.notices))
        registry.erasers.append(registry.Eraser({Notice: "user", PushSubscription: "user"}))
        registry.run_ended.append(archives.on_run_end)
        registry.live.append(lambda user: ("notices", {"unread": services.unread(user)}))
        registry.retain(notices=Notice.forget_old)
