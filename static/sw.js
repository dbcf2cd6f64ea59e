// The service worker. The server puts SHELL before this text (config/web/installed.py): a version, the page that
// is shown without a connection, and its files. Nothing else is ever kept: no page of anybody, no picture, no
// answer of the API. It also shows push messages, and opens what one is about.
const CACHE = `photoflux-${SHELL.version}`;
const KEPT = [SHELL.offline, ...SHELL.files].map((path) => new URL(path, self.location).href);

async function fill() {
  await (await caches.open(CACHE)).addAll(KEPT.map((url) => new Request(url, { cache: "reload" })));
}
async function takeOver() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}
const kept = async (url) => (await caches.match(url, { ignoreVary: true })) ?? Response.error();

async function page(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return kept(KEPT[0]);
  }
}

self.addEventListener("install", (event) => event.waitUntil(fill().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("message", (event) => { // another person logged in, and all caches were deleted
  if (event.data === "fill") event.waitUntil(fill());
});
self.addEventListener("fetch", (event) => { // the network first: a page and its files are of one version
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).pathname.startsWith("/api/")) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (KEPT.includes(request.url)) event.respondWith(fetch(request).catch(() => kept(request.url)));
});

self.addEventListener("push", (event) => {
  let said = {};
  try {
    said = event.data.json();
  } catch {} // browsers demand that every push is shown
  event.waitUntil(self.registration.showNotification(said.title || "PhotoFlux", { tag: said.tag, icon: "/static/icons/192.png", data: said.notice }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const notice = event.notification.data;
  const path = notice ? `/account/notices/${encodeURIComponent(notice)}/` : "/account/notices/";
  event.waitUntil(self.clients.openWindow(path));
});
