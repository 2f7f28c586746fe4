// `stripe.elements()`: the elements of a page that belong together.

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
