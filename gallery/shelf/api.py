"""/items/bulk."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from gallery import search
from gallery.shelf import bulk
from gallery.shelf.models import BulkEdit
from gallery.shelf.serializers import BulkEditSerializer, BulkForm, UndoneSerializer, changes_of, show_edit


class BulkView(APIView):
    @extend_schema(request=BulkForm, responses=BulkEditSerializer)
    @refuses(bulk.TooManyItems)
    @limited("240/h", "bulk")
    def post(self, request: Any) -> Response:
        form = checked(BulkForm, request)
        chosen = search.chosen(request.user, form)
        return Response(show_edit(bulk.edit_items(request.user, chosen, **changes_of(form))))


class BulkUndoView(APIView):
    """Undoes the last bulk edit, for 30 minutes. A second time it changes nothing."""

    @extend_schema(request=None, responses=UndoneSerializer)
    @refuses(bulk.UndoExpired)
    def post(self, request: Any, ident: str) -> Response:
        edit = BulkEdit.objects.owned_by(request.user).get_or_404(ident)
        return Response({"changed": bulk.undo(edit)})
