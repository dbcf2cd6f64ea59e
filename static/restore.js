// Restorations: the slider between both pictures, and the form. The slider is a range input, so it works by
// keyboard, mouse and touch; without this script both pictures stand one below the other.
const compare = document.getElementById("compare");
if (compare) {
  const slider = compare.querySelector("input");
  const cut = () => compare.style.setProperty("--cut", `${slider.value}%`);
  slider.hidden = false;
  slider.addEventListener("input", cut);
  compare.classList.add("is-ready");
  cut();
}

const form = document.getElementById("restore-form");
if (form) {
  const file = form.querySelector("#image");
  file.addEventListener("change", () => { // told before it is sent
    const large = file.files[0] && file.files[0].size > Number(file.dataset.most);
    file.setCustomValidity(large ? file.dataset.tooLarge : "");
    file.reportValidity();
  });
  const byPerson = form.querySelector("#by-person");
  const byHand = form.querySelector("#by-hand");
  const show = () => { byHand.hidden = byPerson.checked; };
  byPerson.addEventListener("change", show);
  show();
}
