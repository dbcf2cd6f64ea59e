"""/tickets."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.vault.vault import store
from config.errors import FileTooLarge, NotFound, StorageFull
from config.web.files import serve
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, PAGE, paged, refuses
from config.web.serializers import checked, key_of
from moderation.policy import PictureBlocked
from support.tickets import pictures, services
from support.tickets.models import Attachment, Ticket
from support.tickets.serializers import (
    MessageForm,
    MessageUpload,
    SearchForm,
    TicketForm,
    TicketMessageSerializer,
    TicketSerializer,
    TicketUpload,
    messages_of,
    read_files,
    show_message,
    show_ticket,
)

REFUSALS = (
    pictures.TooManyAttachments,
    pictures.AttachmentRefused,
    FileTooLarge,
    PictureBlocked,
    StorageFull,
)
SEARCH = [OpenApiParameter("q", str, description="a number, or words of the subject or a message")]
ORDER = ("-updated_at", "-id")


class TicketsView(APIView):
    parser_classes = (JSONParser, MultiPartParser)

    @extend_schema(parameters=[*PAGE, *SEARCH], responses=paged(TicketSerializer))
    def get(self, request: Any) -> Response:
        form = SearchForm(data=request.GET.dict())
        form.is_valid(raise_exception=True)
        rows, words = Ticket.objects.owned_by(request.user), form.validated_data["q"]
        return Response(page(request, rows.found(words) if words else rows, show_ticket, order=ORDER))

    @extend_schema(
        parameters=KEY,
        request={"application/json": TicketForm, "multipart/form-data": TicketUpload},
        responses={201: TicketSerializer},
    )
    @limited("tickets")
    @refuses(*REFUSALS, NotFound)
    def post(self, request: Any) -> Response:
        """Begins a conversation with staff."""
        form, own = checked(TicketUpload, request), Ticket.objects.owned_by(request.user)
        follows, files = form.pop("follows"), read_files(form)
        ticket = services.open_ticket(
            request.user,
            files=files,
            follows=own.get_or_404(follows) if follows else None,
            browser=request.headers.get("User-Agent", ""),
            key=key_of(request.headers),
            **form,
        )
        return Response(show_ticket(ticket), status=201)


class TicketView(APIView):
    @extend_schema(responses=TicketSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_ticket(Ticket.objects.owned_by(request.user).get_or_404(ident)))


class TicketMessagesView(APIView):
    parser_classes = (JSONParser, MultiPartParser)

    @extend_schema(parameters=PAGE, responses=paged(TicketMessageSerializer))
    def get(self, request: Any, ident: str) -> Response:
        """The oldest first."""
        rows = messages_of(Ticket.objects.owned_by(request.user).get_or_404(ident))
        return Response(page(request, rows, show_message, order=("created_at", "id")))

    @extend_schema(
        parameters=KEY,
        request={"application/json": MessageForm, "multipart/form-data": MessageUpload},
        responses={201: TicketMessageSerializer},
    )
    @limited("ticket_messages")
    @refuses(*REFUSALS, services.TicketClosed)
    def post(self, request: Any, ident: str) -> Response:
        ticket, form = (
            Ticket.objects.owned_by(request.user).get_or_404(ident),
            checked(MessageUpload, request),
        )
        files = read_files(form)
        message = services.write(ticket, files=files, key=key_of(request.headers), **form)
        return Response(show_message(message), status=201)


class AttachmentView(APIView):
    """A picture of a conversation, as it is kept, or its `thumbnail`."""

    @extend_schema(responses={(200, "image/jpeg"): bytes})
    def get(self, request: Any, ident: str, number: int, rendition: str) -> Any:
        ticket = Ticket.objects.owned_by(request.user).get_or_404(ident)
        found = ticket.attachments.filter(number=number).values_list("id", flat=True).first()
        row: Attachment = Attachment.objects.owned_by(request.user).get_or_404(found)
        small = rendition == "thumbnail"
        return serve(
            request,
            store(row.user_id),
            row.thumbnail if small else row.content,
            etag=f"{row.id}-{rendition}",
            media_type="image/webp" if small else "image/jpeg",
        )
