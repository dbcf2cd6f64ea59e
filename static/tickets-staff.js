// Staff's queue and one conversation, made anew when something changes: the event stream says so. What is written in
// the answer stays, and so does a picture that is looked at.
const told = document.getElementById("tickets-told");
let last; // the stream's last word
let waits = false; // a change came while the page was not looked at

const parts = () => [...document.querySelectorAll("[data-fresh]"), document.getElementById("result_list")].filter(Boolean);
const busy = () => document.getElementById("looked") || document.querySelector("#result_list :checked");

async function refresh() {
  if (document.visibilityState !== "visible" || busy()) { waits = true; return; }
  waits = false;
  const answer = await fetch(location.href, { redirect: "manual" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const before = document.querySelectorAll("#tickets-said > li").length;
  for (const part of parts()) {
    const now = fresh.getElementById(part.id);
    if (now && !part.contains(document.activeElement)) part.replaceChildren(...now.childNodes);
  }
  if (told && document.querySelectorAll("#tickets-said > li").length > before) told.textContent = told.dataset.new;
}

const stream = new EventSource("/api/v1/events");
stream.addEventListener("queue", (event) => {
  if (last !== undefined && last !== event.data) refresh();
  last = event.data;
});
document.addEventListener("visibilitychange", () => { if (waits) refresh(); });
addEventListener("pagehide", () => stream.close()); // an open stream keeps the page out of the back-forward cache
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
