// One event stream a page. What changed is handed on as a "run" event to whoever shows it; on every other page its end is a notice.
const box = document.getElementById("toasts");
const shown = new Set([...document.querySelectorAll("[data-live]")].map((part) => part.dataset.shows)); // kinds of runs
const open = new Set(); // runs that were open when the page began: only their end is news

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
  if (run.status === "queued" || run.status === "running") open.add(run.id);
  else if (open.delete(run.id) && !shown.has(run.kind)) toast(run);
  dispatchEvent(new CustomEvent("run", { detail: run }));
}

let stream;
function listen() {
  stream = new EventSource("/api/v1/events");
  stream.addEventListener("snapshot", (event) => JSON.parse(event.data).forEach(told));
  stream.addEventListener("run", (event) => told(JSON.parse(event.data)));
}
listen();
addEventListener("pagehide", () => stream.close()); // or the page could not be kept for the back button
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  listen();
  stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) location.reload(); }); // logged out meanwhile
});
