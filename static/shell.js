// Registers the service worker, which shows a page of ours where there is no connection (sw.js).
const PERSON = "photoflux-person";
const person = document.getElementById("toasts")?.dataset.user; // nobody is logged in without it

async function start() {
  const found = await navigator.serviceWorker.register("/sw.js");
  const before = localStorage.getItem(PERSON);
  if (!person || person === before) return;
  localStorage.setItem(PERSON, person);
  if (!before) return;
  for (const name of await caches.keys()) await caches.delete(name); // somebody else was logged in here
  indexedDB.deleteDatabase("photoflux"); // their unsent photos; resend.js drops their requests
  found?.active?.postMessage("fill");
}
if ("serviceWorker" in navigator) start().catch(() => {}); // a private window may refuse
