// One conversation as a chat: a new message appears by the event stream (notices.js), the writing stays.
// Without JavaScript the page shows it when it is loaded again.
const part = document.getElementById("tickets-live");
const told = document.getElementById("tickets-told");
const form = document.getElementById("write");
let last = ""; // when the newest message of all conversations came, as the stream says
let behind = false; // a message came while the page was not looked at

const count = () => part.querySelectorAll(".tickets-said").length;
const newest = () => part.querySelector(".tickets-said:last-child");
const inSight = () => newest().getBoundingClientRect().top < innerHeight;
const show = () => newest().scrollIntoView({ block: "nearest" });

async function refresh() {
  const answer = await fetch(part.dataset.part, { headers: { "X-Requested-With": "fetch" }, redirect: "manual" });
  if (answer.type === "opaqueredirect") return location.reload(); // the session ended
  if (!answer.ok) return;
  const [before, follow] = [count(), inSight()];
  part.innerHTML = await answer.text();
  if (count() <= before) return;
  told.textContent = part.dataset.new;
  if (follow) show();
}

function changed() { // the page's own look marks the answer as read, so it waits for somebody's eyes
  if (document.visibilityState !== "visible") { behind = true; return; }
  behind = false;
  refresh().catch(() => { behind = true; });
}

addEventListener("tickets", (event) => {
  if (last && event.detail.at !== last) changed();
  last = event.detail.at;
});
document.addEventListener("visibilitychange", () => { if (behind) changed(); });
addEventListener("online", changed);
if (part.dataset.every) setInterval(() => { if (document.visibilityState === "visible") changed(); }, 1000 * part.dataset.every); // a guest has no event stream

const files = document.getElementById("ticket_pictures");
const chosen = document.getElementById("tickets-chosen");
files?.addEventListener("change", () => {
  const n = files.files.length;
  chosen.textContent = n === 1 ? chosen.dataset.one : n ? chosen.dataset.many.replace("#", n) : "";
});
form?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) form.requestSubmit();
});
show();
