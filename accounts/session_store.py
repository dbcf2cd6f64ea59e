"""Sessions in the database, with what hangs on their keys: the browsers that show notices."""

from __future__ import annotations

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from accounts.notices import subscriptions


class SessionStore(DatabaseStore):
    def cycle_key(self) -> None:
        """A new password gives its session a new key. The session goes on, and so do its notices."""
        old, data = self.session_key, self._session
        self.create()
        self._session_cache = data
        if old:
            subscriptions.move(old, self.session_key)
            self.delete(old)
