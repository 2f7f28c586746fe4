// Payment and setup intents: confirm one, and show the bank's page where it asks.

// The bank's page, over the host's. Resolves when the customer has answered there.
function challenge(url) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    const inside = frame(`${url}&framed=1`, "Your bank's verification page");
    Object.assign(inside.style, { height: "26rem", colorScheme: "light dark" });
    Object.assign(dialog.style, { padding: "0", border: "0", borderRadius: "12px", width: "min(32rem, 94vw)", overflow: "hidden" });
    dialog.setAttribute("aria-label", "Your bank's verification page");
    dialog.append(inside);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    addEventListener("message", function heard(event) {
      if (event.source !== inside.contentWindow || event.data?.type !== "stripe-emulator:challenge" || !event.data.complete) return;
      removeEventListener("message", heard);
      dialog.close();
      dialog.remove();
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function challengeUrl(intent) {
  const action = intent.next_action ?? {};
  return action.redirect_to_url?.url ?? action.use_stripe_sdk?.stripe_js;
}

function idOf(secret) {
  const [id, tail] = String(secret ?? "").split("_secret_");
  if (!tail) throw new IntegrationError("A client secret looks like pi_..._secret_..., seti_..._secret_... or cs_..._secret_...");
  return id;
}

function go(url) {
  location.assign(url);
  return new Promise(() => {}); // the page is being left
}

// Payment and setup intents, which differ in their names only.
function intents(key, kind) {
  const name = kind === "payment_intent" ? "paymentIntent" : "setupIntent";
  const path = (secret) => `/v1/${kind}s/${idOf(secret)}`;
  const said = (answer) => (answer.error ? { error: answer.error } : { [name]: answer });
  const retrieve = async (secret) => said(await call("GET", path(secret), { key, client_secret: secret }));

  async function act(secret, result) {
    const intent = result[name];
    if (intent?.status !== "requires_action") return result;
    await challenge(challengeUrl(intent));
    const after = await retrieve(secret);
    const failure = after[name]?.last_payment_error ?? after[name]?.last_setup_error;
    return failure && after[name].status === "requires_payment_method" ? { error: { ...failure, [kind]: after[name] } } : after;
  }

  async function confirm({ elements, clientSecret, confirmParams = {}, redirect = "always" }) {
    const secret = clientSecret ?? elements?.secret;
    const { return_url, payment_method_data, ...rest } = confirmParams;
    if (redirect === "always" && !return_url) throw new IntegrationError("confirmParams.return_url is required unless redirect is 'if_required'.");
    const fields = { ...rest, key, client_secret: secret, use_stripe_sdk: true };
    if (!fields.payment_method && elements) {
      const made = await elements.paymentMethod(payment_method_data?.billing_details);
      if (made.error) return made;
      fields.payment_method = made.paymentMethod.id;
    }
    const result = await act(secret, said(await call("POST", `${path(secret)}/confirm`, fields)));
    if (result.error || redirect === "if_required") return result;
    const landing = new URL(return_url, location.href);
    landing.searchParams.set(kind, idOf(secret));
    landing.searchParams.set(`${kind}_client_secret`, secret);
    landing.searchParams.set("redirect_status", "succeeded");
    return go(landing.href);
  }

  async function next(secret) {
    const result = await retrieve(secret);
    if (result[name] && result[name].status !== "requires_action")
      throw new IntegrationError(`handleNextAction: this ${name} does not require an action; its status is ${result[name].status}.`);
    return act(secret, result);
  }

  // confirmCardPayment and confirmCardSetup: with a card element, or a payment method that is there.
  async function card(secret, { payment_method: given, ...data } = {}, { handleActions = true } = {}) {
    const fields = { ...data, key, client_secret: secret, use_stripe_sdk: true };
    if (typeof given === "string") fields.payment_method = given;
    else if (given?.card) {
      const made = await given.card.ask("paymentMethod", { billing_details: given.billing_details });
      if (made.error) return made;
      fields.payment_method = made.paymentMethod.id;
    }
    const result = said(await call("POST", `${path(secret)}/confirm`, fields));
    return handleActions ? act(secret, result) : result;
  }

  return { card, confirm, next, retrieve };
}
