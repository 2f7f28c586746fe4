// A button that shows the password beside it. Without this file there is none.
"use strict";

for (const button of document.querySelectorAll("[data-shows]")) {
  const password = document.getElementById(button.dataset.shows);
  const words = { password: button.textContent, text: button.dataset.hide };
  button.hidden = false;
  button.addEventListener("click", () => {
    password.type = password.type === "password" ? "text" : "password";
    button.textContent = words[password.type];
  });
  password.form.addEventListener("submit", () => { password.type = "password"; }); // as browsers keep it
}
