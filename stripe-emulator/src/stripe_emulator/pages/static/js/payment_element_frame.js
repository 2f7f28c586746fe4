// Inside the Payment Element's frame: reads the card, and hands it to the emulator's API alone.

(() => {
  "use strict";

  const form = document.querySelector("form");
  const fields = { number: form.elements.card_number, expiry: form.elements.card_expiry, cvc: form.elements.card_cvc };
  const ROOM = 4; // around the fields, for their focus ring
  let key = "";
  let port = null;

  const digits = (text) => text.replace(/\D/g, "");

  function checks(number) {
    const doubled = [...number].reverse().map((digit, place) => Number(digit) * (1 + (place % 2)));
    return doubled.reduce((sum, value) => sum + (value > 9 ? value - 9 : value), 0) % 10 === 0;
  }

  function expiry() {
    const [, month, year] = /^\s*(\d{1,2})\s*\/?\s*(\d{2}|\d{4})\s*$/.exec(fields.expiry.value) ?? [];
    return { month: Number(month), year: Number(year?.length === 2 ? `20${year}` : year) };
  }

  // What is wrong with each field, or "".
  function faults() {
    const number = digits(fields.number.value);
    const { month, year } = expiry();
    const whole = number.length >= 12 && number.length <= 19;
    return {
      number: !number ? "Enter your card number." : !whole ? "Your card number is incomplete." : checks(number) ? "" : "Your card number is invalid.",
      expiry: month >= 1 && month <= 12 && year ? "" : "Your card's expiration date is incomplete.",
      cvc: /^\d{3,4}$/.test(fields.cvc.value.trim()) ? "" : "Your card's security code is incomplete.",
    };
  }

  function show(name, fault) {
    const note = document.getElementById(`${name}-fault`);
    note.textContent = fault;
    note.hidden = !fault;
    if (fault) fields[name].setAttribute("aria-invalid", "true");
    else fields[name].removeAttribute("aria-invalid");
    resized();
  }

  function showAll() {
    const wrong = Object.entries(faults()).filter(([, fault]) => fault);
    for (const name of Object.keys(fields)) show(name, faults()[name]);
    if (wrong.length) fields[wrong[0][0]].focus();
    return wrong[0]?.[1];
  }

  const say = (message) => port?.postMessage(message);
  const resized = () => say({ height: Math.ceil(form.getBoundingClientRect().height) + 2 * ROOM });

  function changed() {
    const values = Object.values(fields).map((field) => field.value);
    const complete = Object.values(faults()).every((fault) => !fault);
    say({ event: "change", complete, empty: values.every((value) => !value) });
  }

  // One call to the API with the card, and what is to be said of it besides.
  async function post(path, more, name) {
    const fault = showAll();
    if (fault) return { error: { type: "validation_error", code: "incomplete_payment_details", message: fault } };
    const { month, year } = expiry();
    const card = {
      "card[number]": digits(fields.number.value),
      "card[exp_month]": month,
      "card[exp_year]": year,
      "card[cvc]": fields.cvc.value.trim(),
    };
    try {
      const reply = await fetch(path, { method: "POST", body: new URLSearchParams({ key, ...card, ...more }), credentials: "omit" });
      const answer = await reply.json();
      return answer.error ? { error: answer.error } : { [name]: answer };
    } catch {
      return { error: { type: "api_connection_error", message: "Stripe did not answer. Check the network and try again." } };
    }
  }

  function token(data = {}) {
    const known = ["name", "address_line1", "address_line2", "address_city", "address_state", "address_zip", "address_country"];
    return post("/v1/tokens", Object.fromEntries(known.filter((name) => data[name]).map((name) => [`card[${name}]`, data[name]])), "token");
  }

  function paymentMethod({ billing_details: details } = {}) {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(details ?? {})) {
      if (value && typeof value === "object") for (const [part, text] of Object.entries(value)) text && body.set(`billing_details[${name}][${part}]`, text);
      else if (value) body.set(`billing_details[${name}]`, value);
    }
    return post("/v1/payment_methods", { type: "card", ...Object.fromEntries(body) }, "paymentMethod");
  }

  const can = {
    submit() {
      const fault = showAll();
      return fault ? { error: { type: "validation_error", code: "incomplete_payment_details", message: fault } } : { selectedPaymentMethod: "card" };
    },
    paymentMethod,
    token,
    focus: () => fields.number.focus(),
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
    new ResizeObserver(resized).observe(form);
    say({ event: "ready" });
  });

  fields.number.addEventListener("input", () => {
    const { value, selectionStart } = fields.number;
    if (selectionStart === value.length) fields.number.value = digits(value).slice(0, 19).replace(/(.{4})(?=.)/g, "$1 ");
  });
  fields.expiry.addEventListener("input", ({ inputType }) => {
    if (inputType?.startsWith("delete")) return;
    fields.expiry.value = fields.expiry.value.replace(/^(\d\d)(\d)/, "$1 / $2").replace(/^([2-9])$/, "0$1");
  });
  for (const [name, field] of Object.entries(fields)) {
    field.addEventListener("input", () => {
      if (field.hasAttribute("aria-invalid")) show(name, faults()[name]);
      changed();
    });
    field.addEventListener("focus", () => say({ event: "focus" }));
    field.addEventListener("blur", () => {
      if (field.value) show(name, faults()[name]);
      say({ event: "blur" });
    });
    field.addEventListener("keydown", (event) => event.key === "Escape" && say({ event: "escape" }));
  }
  form.addEventListener("submit", (event) => event.preventDefault());
})();
