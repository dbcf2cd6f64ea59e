// The price on the button of an order follows the number and the quality. A contact sheet is loaded again once
// its order has ended: then it can be sorted and kept.
const form = document.getElementById("order");
if (form) {
  const button = document.getElementById("create");
  const prices = JSON.parse(form.dataset.prices);
  const say = () => {
    const n = Math.ceil(form.elements.count.value * prices[form.elements.quality.value] - 1e-9);
    button.textContent = n === 1 ? button.dataset.one : button.dataset.many.replace("#", n);
  };
  form.addEventListener("change", say);
  say();
}
const part = document.querySelector("[data-live]");
if (part?.querySelector("[data-open]")) {
  new MutationObserver((_, watch) => {
    if (part.querySelector("[data-open]")) return;
    watch.disconnect();
    location.reload();
  }).observe(part, { childList: true });
}
