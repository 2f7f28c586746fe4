// Inside the frames of an email, an address, and the stand-in wallet, which always pays with Visa's test card.

(() => {
  "use strict";

  const form = document.querySelector("form");
  const fault = document.getElementById("fault");
  const inputs = [...form.querySelectorAll("input")];
  const NEEDED = { email: "Enter your email.", name: "Enter your full name.", country: "Enter your country.", line1: "Enter your address.", city: "Enter your city.", postal_code: "Enter your postal code." };
  const WALLET = { name: "Test Customer", email: "customer@example.com" };
  const ROOM = 4; // around the fields, for their focus ring
  let key = "";
  let port = null;

  const say = (message) => port?.postMessage(message);
  const resized = () => say({ height: Math.ceil(form.getBoundingClientRect().height) + 2 * ROOM });

  function wrong() {
    const missing = inputs.find((input) => input.name in NEEDED && !input.value.trim());
    if (missing) return { input: missing, message: NEEDED[missing.name] };
    const email = inputs.find((input) => input.name === "email");
    if (email && !/^[^\s@]+@[^\s@]+$/.test(email.value.trim())) return { input: email, message: "Your email is invalid." };
    return null;
  }

  function value() {
    const typed = Object.fromEntries(inputs.map((input) => [input.name, input.value.trim()]));
    if (!("line1" in typed)) return { email: typed.email ?? WALLET.email };
    const { name, ...address } = typed;
    return { name, address: { ...address, country: address.country.toUpperCase() } };
  }

  const whole = () => ({ complete: !wrong(), isNewAddress: true, value: value() });

  function submit() {
    const { input, message } = wrong() ?? {};
    fault.textContent = message ?? "";
    fault.hidden = !message;
    inputs.forEach((each) => (each === input ? each.setAttribute("aria-invalid", "true") : each.removeAttribute("aria-invalid")));
    resized();
    if (!message) return {};
    input.focus();
    return { error: { type: "validation_error", code: "incomplete_payment_details", message } };
  }

  async function paymentMethod({ billing_details: details } = {}) {
    const card = { "card[number]": "4242424242424242", "card[exp_month]": 12, "card[exp_year]": new Date().getFullYear() + 5, "card[cvc]": "123" };
    const { name, email } = { ...WALLET, ...details };
    const body = new URLSearchParams({ key, type: "card", ...card, "billing_details[name]": name, "billing_details[email]": email });
    try {
      const answer = await (await fetch("/v1/payment_methods", { method: "POST", body, credentials: "omit" })).json();
      return answer.error ? { error: answer.error } : { paymentMethod: answer };
    } catch {
      return { error: { type: "api_connection_error", message: "Stripe did not answer. Check the network and try again." } };
    }
  }

  function changed() {
    const { complete, value: now } = whole();
    say({ event: "change", complete, empty: inputs.every((input) => !input.value), value: now });
  }

  function fill({ defaultValues = {} } = {}) {
    const known = { email: defaultValues.email, name: defaultValues.name, ...defaultValues.address };
    for (const input of inputs) input.value = known[input.name] ?? "";
  }

  const can = {
    submit,
    value: whole,
    paymentMethod,
    focus: () => (inputs[0] ?? form.elements.wallet).focus(),
    blur: () => document.activeElement.blur(),
    clear() {
      form.reset();
      changed();
    },
    appearance: window.elementLook,
  };

  addEventListener("message", ({ data, ports, source }) => {
    if (source !== parent || data?.type !== "stripe-emulator" || port) return;
    key = data.key;
    port = ports[0];
    port.onmessage = async ({ data: { question, what, details } }) => say({ answers: question, result: await can[what](details) });
    window.elementLook(data);
    fill(data.options);
    new ResizeObserver(resized).observe(form);
    say({ event: "ready" });
    if (inputs.some((input) => input.value)) changed();
  });

  for (const input of inputs) {
    input.addEventListener("input", changed);
    input.addEventListener("focus", () => say({ event: "focus" }));
    input.addEventListener("blur", () => say({ event: "blur" }));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.elements.wallet) say({ event: "click", value: WALLET });
  });
})();
