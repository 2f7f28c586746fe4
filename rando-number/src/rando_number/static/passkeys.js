// Asks the browser for a passkey, and sends its answer with the form that waits for it.
"use strict";

const form = document.querySelector("form[data-options]");
const options = JSON.parse(form.dataset.options);

function ask() {
  if (form.dataset.passkey === "new") {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

async function send() {
  const status = form.querySelector("[role=status]");
  try {
    form.elements.credential.value = JSON.stringify(await ask());
    form.submit();
  } catch (refusal) {
    status.textContent =
      refusal.name === "InvalidStateError" ? form.dataset.hasOne
      : refusal.name === "NotAllowedError" ? form.dataset.unused
      : refusal.name === "SecurityError" ? form.dataset.nameless
      : form.dataset.unable;
    form.querySelector("a").hidden = false;
  }
}

send();
