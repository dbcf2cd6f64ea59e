"""/auth/phone, /me/phone and /me/codes: log-in by a code, one's number, and a code in place of a password."""

from __future__ import annotations

from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.confirm import ReauthenticationRequired, require_proof
from accounts.phones import caps, entering, sending, services
from accounts.phones.caps import SmsPaused
from accounts.phones.models import PhoneCode, Purpose
from accounts.phones.serializers import (
    PhoneAskForm,
    PhoneChangeForm,
    PhoneCodeForm,
    PhoneEnterForm,
    PhoneSerializer,
    SentCodeSerializer,
    TokensSerializer,
    show_code,
)
from accounts.serializers import ProofForm
from config.errors import RateLimited
from config.web.afterwards import afterwards
from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked


def _sent(row: PhoneCode) -> Response:
    return Response(SentCodeSerializer(show_code(row)).data, status=202, headers=caps.headers(row))


class EntriesView(APIView):
    permission_classes = ()

    @extend_schema(request=PhoneAskForm, responses={202: SentCodeSerializer})
    @refuses(services.SmsOff, SmsPaused, RateLimited)
    def post(self, request: Any) -> Response:
        """Sends a code to log in or to sign up with. The answer is the same whether or not anybody has the
        number. `channel` `email` is for where no text message comes or none is sent."""
        form = checked(PhoneAskForm, request)
        row = entering.ask(request._request, form["phone"], purpose=Purpose.ENTER, channel=form["channel"])
        return _sent(row)


class EntryView(APIView):
    permission_classes = ()

    @extend_schema(responses=SentCodeSerializer)
    def get(self, request: Any, ident: Any) -> Response:
        """What became of the message."""
        row = PhoneCode.objects.filter(purpose=Purpose.ENTER).get_or_404(ident)
        return Response(SentCodeSerializer(show_code(row)).data)

    @extend_schema(
        request=PhoneEnterForm,
        responses={
            200: TokensSerializer,
            401: OpenApiResponse(TokensSerializer, description="A second factor is asked for next"),
        },
    )
    @limited("code_guesses")
    @refuses(services.CodeExpired, RateLimited)
    def post(self, request: Any, ident: Any) -> Any:
        """Logs in with the code, or makes an account. Five tries a code. Where the account has a second
        factor, go on at `/_allauth/app/v1/auth/2fa/authenticate` with `meta.session_token`."""
        form, plain = checked(PhoneEnterForm, request), request._request
        return entering.for_app(plain, partial(entering.enter, plain, ident, **_renamed(form)))


def _renamed(form: dict[str, Any]) -> dict[str, Any]:
    return {"typed": form["code"], "terms": form["terms"]}


class PhoneView(APIView):
    @extend_schema(responses=PhoneSerializer)
    def get(self, request: Any) -> Response:
        return Response({"phone": request.user.phone})

    @extend_schema(request=PhoneChangeForm, responses={202: SentCodeSerializer})
    @refuses(ReauthenticationRequired, services.SmsOff, SmsPaused, RateLimited)
    def post(self, request: Any) -> Response:
        """Sends a code to a number that one wants to have. The body also holds `password` or `code`, as for
        /me/export; who has neither asks for a code at /me/codes first."""
        form = checked(PhoneChangeForm, request)
        phone = form.pop("phone")
        require_proof(request, **form)
        row = entering.ask(request._request, phone, purpose=Purpose.CHANGE, user=request.user)
        return _sent(row)

    @extend_schema(request=ProofForm, responses={204: None})
    @refuses(ReauthenticationRequired, services.LastWayIn, RateLimited)
    def delete(self, request: Any) -> Response:
        """Removes the number. The body holds `password` or `code`."""
        require_proof(request, **checked(ProofForm, request))
        services.remove_phone(request.user)
        afterwards(request._request, partial(sending.tell_change, request.user))
        return Response(status=204)


class PhoneCodeView(APIView):
    @extend_schema(request=PhoneCodeForm, responses=PhoneSerializer)
    @refuses(services.CodeExpired, services.PhoneTaken)
    def post(self, request: Any, ident: Any) -> Response:
        """The code that was sent to the new number."""
        row = PhoneCode.objects.owned_by(request.user).get_or_404(ident)
        typed = checked(PhoneCodeForm, request)["code"]
        spent = services.spend(row.pk, typed, purpose=Purpose.CHANGE, user=request.user)
        services.set_phone(request.user, spent)
        afterwards(request._request, partial(sending.tell_change, request.user))
        return Response({"phone": request.user.phone})


class CodesView(APIView):
    @extend_schema(request=None, responses={202: SentCodeSerializer})
    @refuses(services.ProofByPassword, services.SmsOff, SmsPaused, RateLimited)
    def post(self, request: Any) -> Response:
        """Sends a code to one's own number, for who has no password: `code` of /me/export, DELETE /me and
        /me/phone."""
        return _sent(entering.ask_proof(request._request))
