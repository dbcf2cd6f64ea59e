"""The gallery's admin pages."""

from gallery.sharing import admin  # noqa: F401  registers its page
