// An element on the page: a frame of the emulator's origin, and the channel to the script inside it.

function schemeOf(element, theme) {
  if (theme) return theme === "night" ? "dark" : "light";
  const declared = getComputedStyle(element).colorScheme;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return declared.includes("dark") && (dark || !declared.includes("light")) ? "dark" : "light";
}

// Call back when the page's scheme may have changed: its reader's wish, or an attribute at the top of the page.
function watchScheme(changed) {
  const wish = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(changed);
  wish.addEventListener("change", changed);
  for (const root of [document.documentElement, document.body]) observer.observe(root, { attributes: true });
  return () => {
    wish.removeEventListener("change", changed);
    observer.disconnect();
  };
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
    this.stopWatching = () => {};
  }

  mount(where) {
    const container = place(where);
    this.unmount();
    this.iframe = frame(`${ORIGIN}/js/elements/${this.type}`, ELEMENTS[this.type]);
    this.scheme = schemeOf(container, this.appearance.theme);
    Object.assign(this.iframe.style, { colorScheme: this.scheme, margin: "-4px", width: "calc(100% + 8px)" });
    this.ready = new Promise((resolve) => this.iframe.addEventListener("load", () => this.connect(resolve), { once: true }));
    container.replaceChildren(this.iframe);
    this.stopWatching = watchScheme(() => {
      if (schemeOf(container, this.appearance.theme) !== this.scheme) this.changeAppearance(this.appearance);
    });
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
    this.stopWatching();
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
