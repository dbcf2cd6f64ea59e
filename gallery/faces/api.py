"""/faces/search, /items/{id}/faces and /people."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from config.errors import MissingFile, StorageFull
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged, refuses
from config.web.serializers import checked
from gallery.faces import people, queries, search
from gallery.faces.models import Face, Naming, Person
from gallery.faces.pictures import faces_of
from gallery.faces.refusals import OF_PICTURE, NoPictures
from gallery.faces.serializers import (
    FaceSerializer,
    FacesSerializer,
    FoundFacesSerializer,
    MergePeopleForm,
    NamingSerializer,
    NamingsSerializer,
    PeopleSerializer,
    PersonFacesForm,
    PersonForm,
    PersonOfFacesForm,
    PersonSerializer,
    SearchForm,
    UndoneNamingSerializer,
    filters_of,
    show_face,
    show_hit,
    show_naming,
)
from gallery.models import Item

NEITHER = _("Send a picture in the field “image”, or the id of a face in “face”.")


class SearchView(APIView):
    parser_classes = (MultiPartParser, JSONParser)

    @extend_schema(
        request={"multipart/form-data": SearchForm, "application/json": SearchForm},
        responses=FoundFacesSerializer,
    )
    @limited("faces")
    @refuses(ConsentRequired, NoPictures, StorageFull, *OF_PICTURE)
    def post(self, request: Any) -> Response:
        """The own pictures with the face that is most like the one in `image`, or like `face`. Drawn faces
        are compared with drawn ones, photographed faces with photographed ones. The image is not kept."""
        form, user = checked(SearchForm, request), request.user
        narrow = {"filters": filters_of(form), "limit": form.get("limit", 10)}
        if "image" in form:
            found = queries.find_by_picture(user, form["image"].read(), **narrow)
        elif "face" in form:
            queries.require_searchable(user)
            face = Face.objects.owned_by(user).get_or_404(form["face"])
            found = search.most_like(user, search.of_face(face), **narrow)
        else:
            raise MissingFile(NEITHER)
        return Response({"results": [show_hit(hit) for hit in found]})


class ItemFacesView(APIView):
    @extend_schema(responses=FacesSerializer)
    def get(self, request: Any, ident: str) -> Response:
        """The faces in a picture, the widest first; none before they are measured."""
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        return Response({"results": [show_face(face) for face in faces_of(item).shown()]})


# ---------------------------------------------------------------- people


class PeopleView(APIView):
    @extend_schema(responses=PeopleSerializer)
    def get(self, request: Any) -> Response:
        """The people with faces, the most frequent first; at most 1000."""
        return Response({"results": PersonSerializer(people.shown(request.user)[:1000], many=True).data})

    @extend_schema(request=PersonOfFacesForm, responses={201: NamingSerializer})
    @limited("people")
    @refuses(people.NoFaces)
    def post(self, request: Any) -> Response:
        """Names the person of these faces. Faces of a name that exists are added to that person."""
        naming = people.name_faces(request.user, **checked(PersonOfFacesForm, request))
        return Response(show_naming(naming), status=201)


class PersonView(APIView):
    @extend_schema(responses=PersonSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(PersonSerializer(people.counted(request.user).get_or_404(ident)).data)

    @extend_schema(request=PersonForm, responses=PersonSerializer)
    def patch(self, request: Any, ident: str) -> Response:
        person = Person.objects.owned_by(request.user).get_or_404(ident)
        people.rename(person, **checked(PersonForm, request))
        return self.get(request, ident)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        """The faces stay, without a name. This cannot be undone."""
        Person.objects.owned_by(request.user).get_or_404(ident).delete()
        return Response(status=204)


class PersonFacesView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(FaceSerializer))
    def get(self, request: Any, ident: str) -> Response:
        rows = Person.objects.owned_by(request.user).get_or_404(ident).faces.shown()
        return Response(page(request, rows, show_face, order=("-made_at", "id")))

    @extend_schema(request=PersonFacesForm, responses=NamingsSerializer)
    @limited("people")
    @refuses(people.NoFaces)
    def post(self, request: Any, ident: str) -> Response:
        """Adds faces to the person, then takes faces away. Each change in the answer can be undone."""
        person = Person.objects.owned_by(request.user).get_or_404(ident)
        done = people.change_faces(person, **checked(PersonFacesForm, request))
        return Response({"results": [show_naming(naming) for naming in done]})


class MergeView(APIView):
    @extend_schema(request=MergePeopleForm, responses=NamingSerializer)
    @limited("people")
    @refuses(people.MergedWithThemself, people.NoFaces)
    def post(self, request: Any, ident: str) -> Response:
        """This person is the one in `into`, who gets all of their faces."""
        own = Person.objects.owned_by(request.user)
        person, into = own.get_or_404(ident), own.get_or_404(checked(MergePeopleForm, request)["into"])
        return Response(show_naming(people.merge(person, into=into)))


class NamingsView(APIView):
    @extend_schema(responses=NamingsSerializer)
    def get(self, request: Any) -> Response:
        """The last 50 changes of the last 30 days, the newest first."""
        found = Naming.objects.owned_by(request.user)[:50]
        return Response({"results": [show_naming(naming) for naming in found]})


class UndoView(APIView):
    @extend_schema(request=None, responses=UndoneNamingSerializer)
    def post(self, request: Any, ident: str) -> Response:
        naming = Naming.objects.owned_by(request.user).get_or_404(ident)
        return Response({"faces": people.undo(naming)})
