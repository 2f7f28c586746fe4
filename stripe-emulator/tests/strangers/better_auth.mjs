// Better Auth's Stripe plugin, through its own routes: sign-up, Checkout, changes, the portal, webhooks. The last line is one JSON object.
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { stripe as plugin } from "@better-auth/stripe";
import Stripe from "stripe";

const base = new URL(process.env.EMULATOR);
const stripe = new Stripe("sk_test_mine", { host: base.hostname, port: base.port, protocol: "http" });
const SITE = "http://shop.example", SECRET = "whsec_mine";
let good = 0, all = 0;
const check = (name, ok, extra) => { all++; ok ? good++ : console.error(name, JSON.stringify(extra)?.slice(0, 400)); };

const price = (unit_amount, interval, lookup_key) => stripe.prices.create({ currency: "usd", unit_amount, recurring: { interval }, lookup_key, product_data: { name: lookup_key } });
const [basic, basicYear, pro, team] = [await price(900, "month", "basic"), await price(9000, "year", "basic_year"), await price(2900, "month", "pro"), await price(4900, "month", "team")];
const heard = [], trials = [];
const note = (name) => async () => { heard.push(name); };
const db = { user: [], session: [], account: [], verification: [], subscription: [] };
const auth = betterAuth({
  baseURL: SITE, secret: "a-secret-of-thirty-two-characters-and-more", database: memoryAdapter(db), emailAndPassword: { enabled: true }, logger: { level: "error" }, rateLimit: { enabled: false }, telemetry: { enabled: false },
  plugins: [plugin({
    stripeClient: stripe, stripeWebhookSecret: SECRET, createCustomerOnSignUp: true, onCustomerCreate: note("customer"), onEvent: async (event) => { heard.push(event.type); },
    subscription: {
      enabled: true, onSubscriptionComplete: note("complete"), onSubscriptionUpdate: note("update"), onSubscriptionCancel: note("cancel"), onSubscriptionDeleted: note("deleted"), onSubscriptionCreated: note("created"),
      plans: [
        { name: "basic", priceId: basic.id, annualDiscountPriceId: basicYear.id, limits: { projects: 1 }, freeTrial: { days: 7, onTrialStart: async () => trials.push("start"), onTrialEnd: async () => trials.push("end") } },
        { name: "pro", lookupKey: "pro", priceId: pro.id, limits: { projects: 9 } },
        { name: "team", priceId: team.id },
      ],
      getCheckoutSessionParams: async () => ({ params: { allow_promotion_codes: true, tax_id_collection: { enabled: true }, billing_address_collection: "auto" } }),
    },
  })],
});
let cookie = "";
const call = async (path, body) => {
  const answer = await auth.handler(new Request(`${SITE}/api/auth${path}`, { method: body ? "POST" : "GET", headers: { "content-type": "application/json", origin: SITE, cookie }, body: body && JSON.stringify(body) }));
  const set = answer.headers.getSetCookie();
  if (set.length) cookie = set.map((each) => each.split(";")[0]).join("; ");
  return { status: answer.status, location: answer.headers.get("location"), json: await answer.json().catch(() => null) };
};
const taken = new Set();
/** What has happened since is posted to the plugin, signed, oldest first. */
const webhooks = async () => {
  const events = [];
  for await (const event of stripe.events.list({ limit: 100 })) events.unshift(event);
  for (const event of events.filter((each) => !taken.has(each.id))) {
    taken.add(event.id);
    const payload = JSON.stringify(event);
    const signature = stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET });
    const answer = await auth.handler(new Request(`${SITE}/api/auth/stripe/webhook`, { method: "POST", headers: { "stripe-signature": signature }, body: payload }));
    if (answer.status !== 200) check(`webhook ${event.type}`, false, await answer.text());
  }
};
const emulator = (path, body) => fetch(new URL(`/_emulator/${path}`, base), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).then((answer) => answer.json());
/** The link of a portal flow is followed, and its one button pressed: where it leads in the end. */
const confirm = async (url, form) => {
  const led = await fetch(url, { redirect: "manual" });
  const page = new URL(led.headers.get("location"), base);
  await fetch(page);
  return (await fetch(new URL(page.pathname, base), { method: "POST", redirect: "manual", body: new URLSearchParams(form) })).headers.get("location");
};
const row = () => db.subscription[0];
const theirs = () => stripe.subscriptions.retrieve(row().stripeSubscriptionId);
const upgrade = (body) => call("/subscription/upgrade", { successUrl: "/done", cancelUrl: "/plans", returnUrl: "/account", disableRedirect: true, ...body });

const joined = await call("/sign-up/email", { email: "jo@example.com", password: "a long password", name: "Jo" });
check("signed up", joined.status === 200, joined);
const customer = await stripe.customers.retrieve(db.user[0].stripeCustomerId);
check("customer", customer.email === "jo@example.com" && customer.metadata.userId === db.user[0].id, customer);

const opened = await upgrade({ plan: "basic" });
check("checkout", opened.json?.url?.startsWith(base.origin), opened);
check("waits", row()?.status === "incomplete", row());
const back = await emulator("pay", { session: opened.json.id });
check("complete", back.status === "complete", back);
const landed = await call(new URL(back.success_url.replace("{CHECKOUT_SESSION_ID}", back.id)).pathname.replace("/api/auth", "") + new URL(back.success_url.replace("{CHECKOUT_SESSION_ID}", back.id)).search);
check("landed", landed.status === 302 && landed.location === `${SITE}/done`, landed);
check("trial", row().status === "trialing" && row().trialEnd - row().trialStart === 7 * 86400e3, row());
await webhooks();
check("complete heard", heard.includes("complete") && trials.includes("start"), [heard, trials]);
await emulator("advance", { seconds: 8 * 86400 });
await webhooks();
check("trial is over", row().status === "active" && trials.includes("end"), [row(), trials]);
const list = await call("/subscription/list");
check("listed", list.json?.length === 1 && list.json[0].limits.projects === 1 && list.json[0].priceId === basic.id, list);
check("period", +row().periodEnd === (await theirs()).items.data[0].current_period_end * 1000, row());

const same = await upgrade({ plan: "basic" });
check("the same plan is refused", same.status === 400, same);
const change = await upgrade({ plan: "pro" });
check("change at the portal", change.status === 200, change);
check("back from the portal", (await confirm(change.json.url, { price: pro.id, quantity: "1" })) === `${SITE}/account`);
await webhooks();
check("pro", row().plan === "pro" && (await call("/subscription/list")).json[0].limits.projects === 9 && heard.includes("update"), row());

const later = await upgrade({ plan: "team", scheduleAtPeriodEnd: true });
check("scheduled", later.status === 200 && row().stripeScheduleId?.startsWith("sub_sched_"), later);
await webhooks();
const released = await call("/subscription/restore", {});
check("schedule released", released.status === 200 && !released.json.schedule && !row().stripeScheduleId, released);
const again = await upgrade({ plan: "team", scheduleAtPeriodEnd: true });
check("scheduled again", again.status === 200, again);
await webhooks();
await emulator("advance", { seconds: 32 * 86400 });
await webhooks();
check("team from the next period", row().plan === "team" && (await theirs()).items.data[0].price.id === team.id, row());

await emulator("advance", { seconds: 32 * 86400 });
check("the schedule is over", (await theirs()).schedule === null);
const leaving = await call("/subscription/cancel", { returnUrl: "/account" });
check("cancel at the portal", leaving.status === 200, leaving);
const left = await confirm(leaving.json.url, {});
await webhooks();
check("leaving", (row().cancelAtPeriodEnd || row().cancelAt) && heard.includes("cancel"), [left, row()]);
const twice = await call("/subscription/cancel", { returnUrl: "/account" });
check("cancel twice", twice.status === 400 && /already set to be canceled/.test(twice.json.message), twice);
const stays = await call("/subscription/restore", {});
check("restored", stays.status === 200 && !stays.json.cancel_at_period_end && !stays.json.cancel_at && !row().cancelAtPeriodEnd, stays);
await webhooks();
const portal = await call("/subscription/billing-portal", { returnUrl: "/account", locale: "de" });
check("portal", portal.status === 200 && portal.json.url, portal);
const gone = await call("/subscription/cancel", { returnUrl: "/account" });
await confirm(gone.json.url, {});
await emulator("advance", { seconds: 32 * 86400 });
await webhooks();
check("gone", row().status === "canceled" && row().endedAt && heard.includes("deleted"), row());
const yearly = await upgrade({ plan: "basic", annual: true });
check("a year", yearly.json?.amount_total === 9000 && !yearly.json.subscription_data, yearly);
await emulator("pay", { session: yearly.json.id });
await webhooks();
const second = db.subscription.find((each) => each.status === "active");
check("no second trial", second?.billingInterval === "year" && !second.trialStart, db.subscription);
const card = (await stripe.customers.listPaymentMethods(customer.id)).data[0].id;
await stripe.subscriptions.create({ customer: customer.id, default_payment_method: card, items: [{ price: pro.id }] });
await webhooks();
check("made elsewhere", heard.includes("created") && db.subscription.some((each) => each.plan === "pro" && each.status === "active"), db.subscription);
console.log(JSON.stringify({ good, all }));
