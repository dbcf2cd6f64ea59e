// The service worker shows push messages, and opens what one is about. It keeps nothing and answers no request.
self.addEventListener("push", (event) => {
  let said = {};
  try {
    said = event.data.json();
  } catch {} // browsers demand that every push is shown
  event.waitUntil(self.registration.showNotification(said.title || "PhotoFlux", { tag: said.tag, icon: "/static/icon.svg", data: said.notice }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const notice = event.notification.data;
  const path = notice ? `/account/notices/${encodeURIComponent(notice)}/` : "/account/notices/";
  event.waitUntil(self.clients.openWindow(path));
});
