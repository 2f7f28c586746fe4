// A Checkout Session on the shop's own page: with elements, or the hosted page in a frame.

const SERVER_UPDATE_MS = 20000;

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
    if (options.shippingAddress) {
      const shipped = await ask("POST", "", { shipping_address: JSON.stringify(options.shippingAddress) });
      if (shipped.error) return result(shipped);
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
    updateShippingOption: async (option) => result(await ask("POST", "", { shipping_option: option })),
    updateShippingAddress: async (address) => result(await ask("POST", "", { shipping_address: JSON.stringify(address ?? null) })),
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
