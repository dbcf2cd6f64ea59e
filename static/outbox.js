// Requests that wait for the connection, kept in IndexedDB. Each row: user, kind, words (what a person knows it
// by), name (a later request of the same name replaces it), at, and the request: method, url, body, key.
const opened = new Promise((done) => {
  const asked = indexedDB.open("photoflux-outbox", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("requests", { keyPath: "id", autoIncrement: true });
  asked.onsuccess = () => done(asked.result);
  asked.onerror = () => done(null); // a private window may have no IndexedDB
});
const CHANGED = "photoflux-outbox"; // other tabs hear of it by localStorage

async function rows(act, mode = "readwrite") {
  const base = await opened;
  if (!base) return null;
  return new Promise((done) => {
    const asked = act(base.transaction("requests", mode).objectStore("requests"));
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => done(null);
  });
}

export const waiting = async () => (await rows((all) => all.getAll(), "readonly")) ?? [];

// Every tab hears of a change.
export function onChange(act) {
  addEventListener("outbox", act);
  addEventListener("storage", (event) => { if (event.key === CHANGED) act(); });
}
function changed() {
  dispatchEvent(new Event("outbox"));
  localStorage.setItem(CHANGED, String(Math.random()));
}

// Whether it is kept.
export async function add(row) {
  for (const old of await waiting()) if (old.name === row.name) await rows((all) => all.delete(old.id));
  const kept = (await rows((all) => all.add(row))) !== null;
  changed();
  return kept;
}

export async function remove(id) {
  await rows((all) => all.delete(id));
  changed();
}
