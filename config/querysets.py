"""The queryset of rows that belong to a user: the filter by owner, and the look-up by id."""

from __future__ import annotations

from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import models

from config.errors import NotFound


class OwnedQuerySet(models.QuerySet):  # type: ignore[type-arg]
    """For a model whose `user` is the owner."""

    def owned_by(self, user: Any) -> Self:
        """The rows that `user` owns and may change and delete. Rows shared by others are not among them."""
        return self.filter(user=user)

    def get_or_404(self, ident: Any) -> Any:
        """The row with this id. Raises NotFound for a malformed id, or one not in this queryset."""
        try:
            return self.get(pk=ident)
        except (self.model.DoesNotExist, ValidationError, ValueError, TypeError):
            raise NotFound from None
