"""The API of /me (with its archive and its erasure), /consents and /exports."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import consents, services
from accounts.confirm import NoPasskey, ReauthenticationRequired, ask_passkey, require_proof
from accounts.erasure import StaffAccount
from accounts.models import Consent, Export, User
from accounts.notices import preferences
from accounts.notices.serializers import PreferencesSerializer
from accounts.serializers import ExportSerializer, ProofForm, show_export, validate_name
from accounts.zones import is_zone
from config.errors import RateLimited
from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from config.web.text import NameField, TextField


class Me(serializers.ModelSerializer):  # type: ignore[type-arg]
    email = serializers.EmailField(source="address", read_only=True, allow_null=True)
    display_name = NameField(max_length=80, required=False, allow_blank=True, validators=[validate_name])
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    zone = NameField(
        max_length=64, required=False, help_text="a name of the time zone database; for e-mails and archives"
    )
    notifications = PreferencesSerializer(required=False)

    class Meta:
        model = User
        fields = (
            "id",
            "email",
            "phone",
            "display_name",
            "language",
            "zone",
            "birth_date",
            "notifications",
            "photos_kept",
            "date_joined",
        )
        read_only_fields = ("id", "phone", "date_joined")

    def validate_zone(self, value: str) -> str:
        if not is_zone(value):
            raise serializers.ValidationError(_("Send a time zone like Europe/Madrid."))
        return value

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        preferences.change(instance, validated_data.pop("notifications", {}))
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=list(validated_data))
        return instance


class ReceiptShape(serializers.Serializer):  # type: ignore[type-arg]
    """The receipt of an erasure. The e-mail that confirms the erasure has the same number."""

    id = serializers.UUIDField()
    asked_at = serializers.DateTimeField()


class PasskeyOptions(serializers.Serializer):  # type: ignore[type-arg]
    publicKey = serializers.DictField(
        help_text="for `PublicKeyCredential.parseRequestOptionsFromJSON`, as in WebAuthn level 3"
    )


class PasskeyView(APIView):
    """A challenge for one of the user's passkeys. Its answer confirms one request, as the password does."""

    @extend_schema(request=None, responses=PasskeyOptions)
    @refuses(NoPasskey, ReauthenticationRequired)
    @limited("passkeys")
    def post(self, request: Any) -> Response:
        return Response(ask_passkey(request))


class MeView(APIView):
    @extend_schema(responses=Me)
    def get(self, request: Any) -> Response:
        return Response(Me(request.user).data)

    @extend_schema(request=Me, responses=Me)
    def patch(self, request: Any) -> Response:
        form = Me(request.user, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        form.save()
        return Response(form.data)

    @extend_schema(request=ProofForm, responses={202: ReceiptShape})
    @limited("erasure")
    @refuses(ReauthenticationRequired, StaffAccount, RateLimited)
    def delete(self, request: Any) -> Response:
        """Erases the account and everything in it. The body holds `password` or `code`, as for /me/export."""
        require_proof(request, **checked(ProofForm, request))
        return Response(ReceiptShape(services.request_erasure(request.user)).data, status=202)


class ConsentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.CharField()
    version = serializers.CharField()
    wording = serializers.CharField()
    sha256 = serializers.CharField(help_text="of the wording, in UTF-8")
    given = serializers.BooleanField()
    given_at = serializers.DateTimeField(allow_null=True)


class GivenSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """A consent as it was given. Nobody changes it but by withdrawing it."""

    sha256 = serializers.CharField(help_text="of the wording, in UTF-8")

    class Meta:
        model = Consent
        fields = ("kind", "version", "wording", "sha256", "language", "given_at", "withdrawn_at")


class ConsentForm(serializers.Serializer):  # type: ignore[type-arg]
    kind = TextField(max_length=20)
    version = TextField(max_length=20)


class ConsentsView(APIView):
    @extend_schema(responses=ConsentSerializer(many=True))
    def get(self, request: Any) -> Response:
        return Response(consents.current(request.user))

    @extend_schema(request=ConsentForm, responses={201: ConsentSerializer(many=True)})
    def post(self, request: Any) -> Response:
        consents.give(request.user, **checked(ConsentForm, request))
        return Response(consents.current(request.user), status=201)


class ConsentHistoryView(APIView):
    @extend_schema(responses=GivenSerializer(many=True))
    def get(self, request: Any) -> Response:
        """All that one ever agreed to, the newest first, with the wording of each version as one saw it."""
        return Response(GivenSerializer(consents.history(request.user), many=True).data)


class ConsentView(APIView):
    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, kind: str) -> Response:
        consents.withdraw(request.user, kind=kind)
        return Response(status=204)


class ExportView(APIView):
    @extend_schema(responses=ExportSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_export(Export.objects.owned_by(request.user).get_or_404(ident)))


class ExportContentView(APIView):
    @extend_schema(responses={(200, "application/zip"): bytes})
    @refuses(services.NotReady)
    def get(self, request: Any, ident: str) -> Any:
        return services.serve_export(request, Export.objects.owned_by(request.user).get_or_404(ident))


class ArchiveView(APIView):
    @extend_schema(request=ProofForm, responses={202: ExportSerializer})
    @limited("exports")
    @refuses(ReauthenticationRequired, RateLimited)
    def post(self, request: Any) -> Response:
        """An archive of all that is kept about oneself. While one is being packed, it is the answer."""
        require_proof(request, **checked(ProofForm, request))
        return Response(show_export(services.request_archive(request.user)), status=202)
