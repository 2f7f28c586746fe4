// `Stripe("pk_test_...")`: what the page gets. The last part, which uses all others.

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
