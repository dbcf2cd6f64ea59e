// More rows as their end comes into sight, and choosing with shift and the keyboard. Without it, "More" is a link.
const rows = document.getElementById("rows");
const bulk = document.getElementById("bulk");
const count = document.getElementById("bulk-count");
let last = null;

function fit(root) { // justified rows: each picture grows with its ratio
  for (const row of root.querySelectorAll(".rows > li:not([data-fit])")) {
    row.dataset.fit = "";
    row.style.setProperty("--ratio", String(Number(row.dataset.w) / Number(row.dataset.h)));
  }
}

async function more(link) {
  const answer = await fetch(link.dataset.next, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);
  if (!answer?.ok) return;
  const part = document.createElement("div");
  part.innerHTML = await answer.text();
  link.closest(".more").remove();
  const head = part.querySelector(".day");
  const days = [...rows.querySelectorAll(".day")];
  if (head && days.at(-1)?.dataset.day === head.dataset.day) { // the same day goes on
    [...rows.querySelectorAll(".rows")].at(-1).append(...head.nextElementSibling.children);
    head.nextElementSibling.remove();
    head.remove();
  }
  rows.append(...part.childNodes);
  fit(rows);
  watch();
}

const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (entry.isIntersecting) { seen.unobserve(entry.target); more(entry.target); }
}), { rootMargin: "1200px" });
function watch() { const link = rows.querySelector("[data-next]"); if (link) seen.observe(link); }

function told() {
  const n = rows.querySelectorAll(".mark input:checked").length;
  bulk.classList.toggle("on", n > 0);
  count.textContent = n === 1 ? count.dataset.one : count.dataset.many.replace("#", String(n));
}
rows.addEventListener("click", (event) => {
  const box = event.target.closest(".mark input");
  if (!box) return;
  const all = [...rows.querySelectorAll(".mark input")];
  if (event.shiftKey && last) {
    const [a, b] = [all.indexOf(last), all.indexOf(box)].sort((x, y) => x - y);
    all.slice(a, b + 1).forEach((each) => { each.checked = box.checked; });
  }
  last = box;
  told();
});
rows.addEventListener("change", told);
addEventListener("keydown", (event) => {
  if (event.key === "Escape") { rows.querySelectorAll(".mark input:checked").forEach((box) => { box.checked = false; }); told(); }
});
bulk.addEventListener("click", (event) => {
  const button = event.target.closest("[data-sure]");
  if (button && !confirm(button.dataset.sure)) event.preventDefault();
});
fit(rows);
watch();
told();
