// stripe-emulator's stand-in for Stripe.js: what a page with elements uses today.
//
// Card numbers are typed into a frame of the emulator's own origin and go from there to its API;
// this script, which runs in the host's page, sees only the id of the payment method.
// What is not here throws by name when it is called. https://docs.stripe.com/js

(() => {
  "use strict";

  const ORIGIN = new URL(document.currentScript.src).origin;
  const SERVER_UPDATE_MS = 20000;

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = "IntegrationError";
    }
  }

  // Names that JavaScript itself asks of any object; everything else unknown is a method of Stripe's that is missing.
  const ASKED_BY_LANGUAGE = new Set(["then", "catch", "toJSON", "constructor", "$$typeof", "nodeType"]);

  function strict(name, methods) {
    return new Proxy(methods, {
      get(target, key) {
        if (key in target || typeof key === "symbol" || ASKED_BY_LANGUAGE.has(key)) return target[key];
        return () => {
          throw new IntegrationError(`stripe-emulator does not do ${name}.${key}() yet. Stripe itself may.`);
        };
      },
    });
  }

  // One call to the emulator. Fields go as a form, the key among them, so that no preflight is needed.
  async function call(method, path, fields) {
    const form = new URLSearchParams();
    append(form, "", fields);
    const url = ORIGIN + path + (method === "GET" ? `?${form}` : "");
    try {
      const reply = await fetch(url, { method, body: method === "GET" ? undefined : form, credentials: "omit" });
      return await reply.json();
    } catch {
      return { error: { type: "api_connection_error", message: "Stripe did not answer. Check the network and try again." } };
    }
  }

  function append(form, prefix, value) {
    if (value === null || value === undefined) return;
    if (typeof value !== "object") {
      form.append(prefix, String(value));
      return;
    }
    for (const [key, item] of Object.entries(value)) append(form, prefix ? `${prefix}[${key}]` : key, item);
  }

  function place(where) {
    const found = typeof where === "string" ? document.querySelector(where) : where;
    if (!found) throw new IntegrationError(`There is no element ${where} on the page to mount on.`);
    return found;
  }

  function listeners() {
    const known = new Map();
    const set = (name) => known.get(name) ?? known.set(name, new Set()).get(name);
    return {
      on: (name, handler) => set(name).add(handler),
      off: (name, handler) => (handler ? set(name).delete(handler) : set(name).clear()),
      once(name, handler) {
        const first = (value) => (set(name).delete(first), handler(value));
        set(name).add(first);
      },
      tell: (name, value) => [...set(name)].forEach((handler) => handler(value)),
    };
  }

  function schemeOf(element, theme) {
    if (theme) return theme === "night" ? "dark" : "light";
    const declared = getComputedStyle(element).colorScheme;
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    return declared.includes("dark") && (dark || !declared.includes("light")) ? "dark" : "light";
  }

  function frame(src, title) {
    const made = document.createElement("iframe");
    Object.assign(made, { src, title, allow: "payment *" });
    Object.assign(made.style, { border: "0", width: "100%", display: "block", height: "14rem" });
    return made;
  }

  // The elements that a page can have, with the title of each one's frame.
  const ELEMENTS = {
    payment: "Secure payment input frame",
    card: "Secure card payment input frame",
    linkAuthentication: "Secure email input frame",
    address: "Secure address input frame",
    expressCheckout: "Secure express checkout frame",
  };

  // An element: a frame, and a channel to the script inside it.
  class FrameElement {
    constructor(type, key, options, appearance) {
      this.type = type;
      this.key = key;
      this.options = options;
      this.appearance = appearance ?? {};
      this.complete = false;
      this.events = listeners();
      this.asked = new Map();
      this.iframe = null;
      this.port = null;
    }

    mount(where) {
      const container = place(where);
      this.unmount();
      this.iframe = frame(`${ORIGIN}/js/elements/${this.type}`, ELEMENTS[this.type]);
      this.scheme = schemeOf(container, this.appearance.theme);
      Object.assign(this.iframe.style, { colorScheme: this.scheme, margin: "-4px", width: "calc(100% + 8px)" });
      this.ready = new Promise((resolve) => this.iframe.addEventListener("load", () => this.connect(resolve), { once: true }));
      container.replaceChildren(this.iframe);
    }

    connect(resolve) {
      const channel = new MessageChannel();
      this.port = channel.port1;
      this.port.onmessage = ({ data }) => this.hear(data, resolve);
      const { appearance, key, options, scheme, type: element } = this;
      const settings = JSON.parse(JSON.stringify({ appearance, element, key, options, scheme }));
      this.iframe.contentWindow.postMessage({ type: "stripe-emulator", ...settings }, ORIGIN, [channel.port2]);
    }

    hear(message, resolve) {
      if (message.height) this.iframe.style.height = `${message.height}px`;
      if (message.answers) {
        this.asked.get(message.answers)?.(message.result);
        this.asked.delete(message.answers);
      }
      if (message.event === "ready") resolve();
      if (message.event === "change") this.complete = message.complete;
      if (message.event === "click") this.wallet(message);
      else if (message.event) this.events.tell(message.event, eventOf(this.type, message));
    }

    // The stand-in wallet's button: the page may have a word first, and then confirms.
    wallet({ value }) {
      this.complete = true;
      this.events.tell("click", { elementType: this.type, expressPaymentType: "link", resolve() {}, reject() {} });
      const paymentFailed = () => {};
      this.events.tell("confirm", { elementType: this.type, expressPaymentType: "link", billingDetails: value, paymentFailed });
    }

    getValue() {
      return this.ask("value");
    }

    async ask(what, details) {
      if (!this.iframe) throw new IntegrationError(`Mount the ${this.type} element before you submit or confirm.`);
      await this.ready;
      const question = this.asked.size + 1;
      return new Promise((resolve) => {
        this.asked.set(question, resolve);
        this.port.postMessage({ question, what, details });
      });
    }

    unmount() {
      this.iframe?.remove();
      this.iframe = this.port = null;
      this.complete = false;
    }

    destroy() {
      this.unmount();
    }

    update(options) {
      this.options = { ...this.options, ...options };
    }

    changeAppearance(appearance) {
      this.appearance = appearance;
      if (!this.iframe) return;
      this.scheme = schemeOf(this.iframe.parentElement, appearance.theme);
      this.iframe.style.colorScheme = this.scheme;
      this.port?.postMessage({ what: "appearance", details: { appearance, scheme: this.scheme } });
    }

    focus() {
      this.ask("focus");
    }

    blur() {
      this.ask("blur");
    }

    clear() {
      this.ask("clear");
    }

    collapse() {}

    on(name, handler) {
      this.events.on(name, handler);
      return this;
    }

    once(name, handler) {
      this.events.once(name, handler);
      return this;
    }

    off(name, handler) {
      this.events.off(name, handler);
      return this;
    }
  }

  function eventOf(elementType, { event, complete, empty, value = { type: "card" } }) {
    if (event === "ready" && elementType === "expressCheckout") return { elementType, availablePaymentMethods: { link: true } };
    if (event !== "change") return { elementType };
    if (elementType === "card") return { elementType, complete, empty, brand: "unknown", error: undefined, value: { postalCode: "" } };
    return { elementType, complete, empty, collapsed: false, value };
  }

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

  function elementsGroup(key, options = {}) {
    const made = new Map();
    const pays = () => made.get("payment") ?? made.get("card") ?? made.get("expressCheckout");

    // What the other elements of the page know of who pays.
    async function details(given) {
      const email = made.has("linkAuthentication") ? (await made.get("linkAuthentication").getValue()).value : {};
      const billed = made.get("address")?.options?.mode === "billing" ? (await made.get("address").getValue()).value : {};
      return { ...email, ...billed, ...given };
    }

    const group = {
      secret: options.clientSecret,
      create(type, elementOptions) {
        if (!(type in ELEMENTS)) throw new IntegrationError(`stripe-emulator has no "${type}" element yet, only ${Object.keys(ELEMENTS).join(", ")}.`);
        if (made.has(type)) throw new IntegrationError(`Can only create one Element of type ${type}.`);
        made.set(type, new FrameElement(type, key, elementOptions, options.appearance));
        return made.get(type);
      },
      getElement: (type) => made.get(type) ?? null,
      update(changes) {
        Object.assign(options, changes);
        if (changes.appearance) made.forEach((element) => element.changeAppearance(changes.appearance));
      },
      fetchUpdates: async () => ({}),
      async submit() {
        if (!pays()) return { error: missing() };
        for (const element of [...made.values()].filter((each) => each !== pays())) {
          const { error } = await element.ask("submit");
          if (error) return { error };
        }
        return pays().ask("submit");
      },
      paymentMethod: async (given) => (pays() ? pays().ask("paymentMethod", { billing_details: await details(given) }) : { error: missing() }),
    };
    return strict("elements", group);
  }

  function missing() {
    return { type: "invalid_request_error", message: "Create and mount a Payment Element first." };
  }

  // Elements on a Checkout Session.
  function checkoutElements(key, { clientSecret, elementsOptions = {} }) {
    const events = listeners();
    const secret = Promise.resolve(clientSecret);
    let payment = null;
    let session = null;
    let totalWasRead = false;
    let free = false;
    let loading = null;

    function take(fresh) {
      session = { ...fresh, canConfirm: fresh.status.type === "open" && Boolean(fresh.email) && (free || Boolean(payment?.complete)) };
      const { amount, minorUnitsAmount } = fresh.total.total;
      session.total.total = {
        get amount() {
          totalWasRead = true;
          return amount;
        },
        get minorUnitsAmount() {
          totalWasRead = true;
          return minorUnitsAmount;
        },
      };
      return session;
    }

    async function ask(method, more = "", fields = {}) {
      const shown = await secret;
      const answer = await call(method, `/js/sessions/${idOf(shown)}${more}`, { ...fields, key, client_secret: shown });
      if (answer.session) {
        free = answer.free;
        take(answer.session);
        events.tell("change", session);
      }
      return answer;
    }

    const result = ({ error }) =>
      error ? { type: "error", error: { message: error.message, code: error.reason ?? null } } : { type: "success", session };

    async function confirm(options = {}) {
      if (!totalWasRead)
        throw new IntegrationError("Show the total before confirming: read session.total.total.amount, or minorUnitsAmount with the currency.");
      let method = options.paymentMethod;
      if (!method && !free) {
        const details = options.billingAddress ? { name: options.billingAddress.name, address: options.billingAddress.address } : undefined;
        const made = payment ? await payment.ask("paymentMethod", { billing_details: details }) : { error: missing() };
        if (made.error) return { type: "error", error: { message: made.error.message, code: null } };
        method = made.paymentMethod.id;
      }
      const fields = { payment_method: method, email: options.email, save: options.savePaymentMethod };
      let answer = await ask("POST", "/confirm", fields);
      if (answer.challenge) {
        await challenge(answer.challenge);
        answer = await ask("GET", "", { after_challenge: true });
      }
      if (answer.error) {
        const { message, decline_code = null } = answer.error;
        return { type: "error", error: { message, code: "paymentFailed", paymentFailed: { declineCode: decline_code } } };
      }
      if (options.redirect === "if_required") return result(answer);
      return go(options.returnUrl ?? answer.landing);
    }

    async function runServerUpdate(userFunction) {
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error("The update took longer than 20 seconds.")), SERVER_UPDATE_MS));
      try {
        await Promise.race([userFunction(), late]);
      } catch (error) {
        return { type: "error", error: { message: error.message, code: null } };
      }
      return result(await ask("GET"));
    }

    const actions = strict("actions", {
      getSession: () => session,
      updateEmail: async (email) => result(await ask("POST", "", { email: email ?? "" })),
      updateLineItemQuantity: async ({ lineItem, quantity }) => result(await ask("POST", "", { line_item: lineItem, quantity })),
      applyPromotionCode: async (code) => result(await ask("POST", "", { promotion_code: code })),
      removePromotionCode: async () => result(await ask("POST", "", { promotion_code: "" })),
      runServerUpdate,
      confirm,
    });

    async function load() {
      const answer = await ask("GET");
      return answer.error ? result(answer) : { type: "success", actions };
    }

    return strict("checkout", {
      loadActions: () => (loading ??= load()),
      createPaymentElement(options) {
        if (payment) throw new IntegrationError("Can only create one Payment Element.");
        payment = new FrameElement("payment", key, options, elementsOptions.appearance);
        payment.on("change", () => session && events.tell("change", take({ ...session, total: { ...session.total } })));
        return payment;
      },
      getPaymentElement: () => payment,
      changeAppearance: (appearance) => payment?.changeAppearance(appearance),
      loadFonts() {},
      on: (name, handler) => events.on(name, handler),
      off: (name, handler) => events.off(name, handler),
    });
  }

  // The whole hosted page, in a frame.
  async function embeddedPage({ fetchClientSecret, clientSecret, onComplete }) {
    const id = idOf(clientSecret ?? (await fetchClientSecret()));
    let iframe = null;

    function hear({ source, data }) {
      if (source !== iframe?.contentWindow || data?.type !== "stripe-emulator:page") return;
      if (data.height) iframe.style.height = `${data.height}px`;
      if (data.landing) go(data.landing);
      else if (data.complete) onComplete?.();
    }

    function unmount() {
      removeEventListener("message", hear);
      iframe?.remove();
      iframe = null;
    }

    return strict("checkout", {
      mount(where) {
        unmount();
        iframe = frame(`${ORIGIN}/pay/${id}`, "Secure payment page");
        iframe.style.height = "48rem";
        addEventListener("message", hear);
        place(where).replaceChildren(iframe);
      },
      unmount,
      destroy: unmount,
    });
  }

  function Stripe(key) {
    if (!/^pk_test_./.test(key ?? ""))
      throw new IntegrationError("stripe-emulator takes publishable test keys only: Stripe(\"pk_test_...\").");
    const payments = intents(key, "payment_intent");
    const setups = intents(key, "setup_intent");
    return strict("stripe", {
      elements: (options) => elementsGroup(key, options),
      initCheckoutElementsSdk: (options) => checkoutElements(key, options),
      createEmbeddedCheckoutPage: embeddedPage,
      confirmPayment: payments.confirm,
      confirmSetup: setups.confirm,
      retrievePaymentIntent: payments.retrieve,
      retrieveSetupIntent: setups.retrieve,
      handleNextAction: ({ clientSecret }) => (String(clientSecret).startsWith("seti_") ? setups : payments).next(clientSecret),
      confirmCardPayment: payments.card,
      confirmCardSetup: setups.card,
      createPaymentMethod: ({ elements, card, billing_details, params = {} }) =>
        elements ? elements.paymentMethod(params.billing_details) : card.ask("paymentMethod", { billing_details }),
      createToken: (card, data) => card.ask("token", data),
      async createConfirmationToken({ elements, params = {} }) {
        const made = await elements.paymentMethod(params.payment_method_data?.billing_details);
        if (made.error) return made;
        const fields = { key, payment_method: made.paymentMethod.id, return_url: params.return_url, shipping: params.shipping };
        const answer = await call("POST", "/v1/confirmation_tokens", fields);
        return answer.error ? { error: answer.error } : { confirmationToken: answer };
      },
      registerAppInfo() {},
      _registerWrapper() {}, // what @stripe/stripe-js and its React companion say of themselves
    });
  }

  Stripe.version = "emulator";
  window.Stripe = Stripe;
})();
