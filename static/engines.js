// A company's consent must be ticked before its form is sent. Without this script the server says so.
function demand() {
  for (const box of document.querySelectorAll(".agree [type=checkbox]")) box.required = box.checkVisibility();
}
addEventListener("change", demand);
new MutationObserver(demand).observe(document.getElementById("main"), { childList: true, subtree: true });
demand();
