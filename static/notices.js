// Holds the page's event stream. Dispatches every change as a "run" event. Shows a notice when a run ends
// that this page does not list, also when it ended before the stream was open or between two pages of this tab.
const box = document.getElementById("toasts");
const shown = new Set([...document.querySelectorAll("[data-live]")].map((part) => part.dataset.shows)); // kinds of runs that this page shows
const since = (sessionStorage.since ||= box.dataset.now); // when this tab's first page was made
const known = new Set(JSON.parse(sessionStorage.known || "[]")); // ids of ended runs that this tab told of

function toast(run) {
  const text = box.dataset[`${run.kind}${run.status === "succeeded" ? "Succeeded" : "Failed"}`];
  if (!text || run.status === "cancelled") return;
  const note = Object.assign(document.createElement("div"), { className: "toast" });
  const link = Object.assign(document.createElement("a"), { href: box.dataset[run.kind], textContent: text });
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
  close.setAttribute("aria-label", box.dataset.close);
  close.addEventListener("click", () => note.remove());
  note.append(link, close);
  box.append(note);
}

function told(run) {
  if (run.finished_at && !known.has(run.id) && new Date(run.finished_at) > new Date(since)) {
    known.add(run.id);
    sessionStorage.known = JSON.stringify([...known]);
    if (!shown.has(run.kind)) toast(run);
    else if (document.visibilityState === "visible") dispatchEvent(new CustomEvent("seen", { detail: run.id }));
  }
  dispatchEvent(new CustomEvent("run", { detail: run }));
}

let stream;
function listen() {
  stream = new EventSource("/api/v1/events");
  stream.addEventListener("snapshot", (event) => JSON.parse(event.data).forEach(told));
  stream.addEventListener("run", (event) => told(JSON.parse(event.data)));
  stream.addEventListener("notices", (event) => dispatchEvent(new CustomEvent("notices", { detail: JSON.parse(event.data) })));
  stream.addEventListener("tickets", (event) => dispatchEvent(new CustomEvent("tickets", { detail: JSON.parse(event.data) })));
  stream.addEventListener("away", (event) => { // newer pages took this one's place: it listens again once it is looked at
    if (JSON.parse(event.data).detail !== "too_many") return;
    stream.close();
    document.addEventListener("visibilitychange", listen, { once: true });
  });
}
listen();
addEventListener("pagehide", () => stream.close()); // an open stream keeps the page out of the back-forward cache
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  listen();
  stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) location.reload(); }); // the session ended
});
