// Names of countries in the page's language, in the place of their codes: "ES +34" becomes "España +34".
const names = new Intl.DisplayNames([document.documentElement.lang], { type: "region" });
for (const option of document.querySelectorAll("#id_country option")) {
  option.textContent = option.textContent.replace(option.value, () => names.of(option.value));
}
