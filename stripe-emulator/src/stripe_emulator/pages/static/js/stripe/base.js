// What every other part uses: errors, calls to the emulator, places on the page, listeners.

const ORIGIN = new URL(document.currentScript.src).origin;

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
