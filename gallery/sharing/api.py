"""/shares, and sharing of one item."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.emails import EmailUnconfirmed
from accounts.standing.services import Suspended
from config.errors import NotFound
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged, refuses
from config.web.serializers import checked
from gallery.models import Item
from gallery.sharing import links
from gallery.sharing.models import ShareLink
from gallery.sharing.serializers import ShareForm, ShareSerializer, SharesForm, make_share, show_share
from moderation.policy import UnderReview


def _made(link: ShareLink) -> Response:
    return Response(show_share(link, links.counts(link.user_id, [link])[link.id]), status=201)


class SharesView(APIView):
    """Links to pictures: chosen ones, or an album, which shows what is added to it later too."""

    @extend_schema(parameters=PAGE, responses=paged(ShareSerializer))
    def get(self, request: Any) -> Response:
        found = page(request, ShareLink.objects.owned_by(request.user).select_related("album"), lambda x: x)
        counts = links.counts(request.user, found["results"])
        return Response(found | {"results": [show_share(link, counts[link.id]) for link in found["results"]]})

    @extend_schema(request=SharesForm, responses={201: ShareSerializer})
    @refuses(EmailUnconfirmed, Suspended, links.ShareTooLarge, links.NotShareable, UnderReview, NotFound)
    @limited("shares")
    def post(self, request: Any) -> Response:
        return _made(make_share(request.user, checked(SharesForm, request)))


class ShareView(APIView):
    """Ends a link at once."""

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        ShareLink.objects.owned_by(request.user).get_or_404(ident).delete()
        return Response(status=204)


class ItemShareView(APIView):
    """A link to one item."""

    @extend_schema(request=ShareForm, responses={201: ShareSerializer})
    @refuses(EmailUnconfirmed, Suspended, links.NotShareable, UnderReview)
    @limited("shares")
    def post(self, request: Any, ident: str) -> Response:
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        return _made(make_share(request.user, checked(ShareForm, request) | {"ids": [item.id]}))
