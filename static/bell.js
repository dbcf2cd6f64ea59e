// The bell in the top bar: how many notices are unread, and a menu with the newest. The event stream
// (notices.js) says when that changes, also when they were read on another device. Without JavaScript the bell is a link.
const bell = document.getElementById("bell");
const menu = document.getElementById("bell-menu");
const badge = bell.querySelector(".bell-unread");

function count(unread) {
  badge.hidden = !unread;
  badge.firstElementChild.textContent = unread > 99 ? "99+" : unread;
}

async function fill() {
  const answer = await fetch(`${bell.href}?menu=1`, { headers: { "X-Requested-With": "fetch" }, redirect: "manual" });
  if (!answer.ok) throw new Error(String(answer.status));
  menu.innerHTML = await answer.text();
}

function close(refocus) {
  menu.hidden = true;
  bell.setAttribute("aria-expanded", "false");
  if (refocus) bell.focus();
}

async function open() {
  try {
    await fill();
  } catch {
    location.assign(bell.href);
    return;
  }
  menu.hidden = false;
  bell.setAttribute("aria-expanded", "true");
  menu.querySelector("#notices-title").focus({ preventScroll: true });
}

bell.setAttribute("aria-expanded", "false");
bell.addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return; // a new tab
  event.preventDefault();
  if (menu.hidden) open(); else close(true);
});
addEventListener("keydown", (event) => { if (event.key === "Escape" && !menu.hidden) close(true); });
addEventListener("pointerdown", (event) => { if (!menu.hidden && !menu.contains(event.target) && !bell.contains(event.target)) close(false); });
menu.addEventListener("focusout", (event) => { if (event.relatedTarget && !menu.contains(event.relatedTarget) && event.relatedTarget !== bell) close(false); });

const post = (body) => fetch("/api/v1/notifications/read", {
  method: "POST", keepalive: true, body: JSON.stringify(body),
  headers: { "Content-Type": "application/json", "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value },
});

menu.addEventListener("submit", (event) => { // after forms.js has let it through: the page stays
  event.preventDefault();
  event.stopPropagation();
  post({ all: true }).then(fill).catch(() => location.assign(bell.href));
}, true);

addEventListener("notices", (event) => {
  count(event.detail.unread);
  if (!menu.hidden) fill().catch(() => close(false));
  if (document.querySelector("[data-notices][data-live]")) dispatchEvent(new Event("part-changed"));
});
addEventListener("seen", (event) => post({ about: [event.detail] }).catch(() => {})); // a run that ended before one's eyes
