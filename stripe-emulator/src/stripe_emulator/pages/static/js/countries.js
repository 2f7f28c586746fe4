// The countries of a form, by their names. Without this file they are their two letters.

(() => {
  "use strict";

  const names = new Intl.DisplayNames([document.documentElement.lang], { type: "region" });
  for (const list of document.querySelectorAll("[data-countries]")) {
    const chosen = list.value;
    const countries = [...list.options].filter((option) => option.value);
    for (const country of countries) country.textContent = names.of(country.value);
    countries.sort((one, other) => one.textContent.localeCompare(other.textContent));
    list.append(...countries);
    list.value = chosen;
  }
})();
