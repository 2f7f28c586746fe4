// Supabase's sync engine copies the account at EMULATOR into the database at DATABASE, and takes its webhooks. The last line is one JSON object.
const Stripe = require("stripe");
const pg = require("pg");
const { StripeSync, runMigrations } = require("@supabase/stripe-sync-engine");

const SECRET = "whsec_mine";
// The oldest version of ours: their tables have columns that Stripe has dropped since.
const VERSION = "2022-11-15";
// What this account has nothing of: an account's own tax ids, or what no list of Stripe gives their backfill.
const EMPTY = ["active_entitlements", "coupons", "events", "invoice_payments", "payouts", "reviews", "tax_ids"];
// Events that the engine refuses as unhandled, whoever sends them: they say nothing of the emulator, and don't count.
const UNKNOWN_TO_IT = ["balance.available", "coupon.created", "invoiceitem.created", "promotion_code.created", "tax_rate.created"];
// Null at Stripe, too: nothing in this account sets it, the version has no such field, or (updated) it is theirs.
const NULL_THERE_TOO = {
  charges: "application application_fee destination failure_code failure_message on_behalf_of order receipt_email receipt_number refunds review shipping source source_transfer statement_descriptor transfer_group updated",
  checkout_sessions: "after_expiration allow_promotion_codes billing_address_collection cancel_url client_reference_id client_secret consent consent_collection currency_conversion customer customer_email invoice locale optional_items payment_link permissions presentment_details recovered_from redirect_on_completion return_url setup_intent shipping_address_collection shipping_cost shipping_details submit_type subscription tax_id_collection url wallet_options",
  credit_notes: "customer_balance_transaction memo out_of_band_amount reason shipping_cost voided_at",
  customers: "default_source discount",
  disputes: "updated",
  invoices: "account_tax_ids application_fee_amount custom_fields default_payment_method default_source description due_date footer last_finalization_error next_payment_attempt on_behalf_of receipt_number statement_descriptor transfer_data",
  payment_intents: "application application_fee_amount canceled_at cancellation_reason last_payment_error next_action on_behalf_of processing receipt_email review shipping statement_descriptor statement_descriptor_suffix transfer_data transfer_group",
  plans: "aggregate_usage nickname tiers_mode transform_usage trial_period_days",
  prices: "lookup_key nickname tiers_mode transform_quantity",
  products: "default_price description marketing_features package_dimensions shippable statement_descriptor unit_label url",
  refunds: "reason receipt_number source_transfer_reversal transfer_reversal",
  setup_intents: "cancellation_reason description latest_attempt mandate on_behalf_of payment_method single_use_mandate",
  subscription_items: "billing_thresholds current_period_end current_period_start",
  subscription_schedules: "application canceled_at completed_at released_at released_subscription test_clock",
  subscriptions: "application_fee_percent billing_thresholds cancel_at canceled_at days_until_due default_payment_method default_source ended_at next_pending_invoice_item_invoice pause_collection pending_invoice_item_interval pending_setup_intent pending_update transfer_data trial_end trial_start",
};
let good = 0, all = 0;
const check = (name, ok, extra) => { all++; ok ? good++ : console.error(name, JSON.stringify(extra)?.slice(0, 400)); };
(async () => {
  const base = new URL(process.env.EMULATOR), connectionString = process.env.DATABASE;
  await runMigrations({ databaseUrl: connectionString, schema: "stripe", logger: { info() {}, error: console.error } });
  const sync = new StripeSync({ poolConfig: { connectionString }, stripeSecretKey: "sk_test_mine", stripeWebhookSecret: SECRET, stripeApiVersion: VERSION, autoExpandLists: true, backfillRelatedEntities: true });
  const stripe = (sync.stripe = new Stripe("sk_test_mine", { host: base.hostname, port: base.port, protocol: "http", apiVersion: VERSION }));
  const outcome = await sync.syncBackfill({ object: "all" });
  await sync.syncFeatures();
  for (const [kind, each] of Object.entries(outcome)) check(`backfill ${kind}`, each.synced > 0 || kind === "taxIds", each);
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows: tables } = await client.query("select table_name as name from information_schema.tables where table_schema = 'stripe' and table_name <> 'migrations'");
  for (const { name: table } of tables) {
    const { rows, fields } = await client.query(`select * from stripe."${table}"`);
    check(`${table} has rows`, rows.length > 0 || EMPTY.includes(table));
    const known = (NULL_THERE_TOO[table] ?? "").split(" ");
    const nulls = rows.length ? fields.map((each) => each.name).filter((name) => !known.includes(name) && rows.every((row) => row[name] === null)) : [];
    check(`${table} has values`, nulls.length === 0, nulls);
  }
  await client.end();
  for await (const event of stripe.events.list({ limit: 100 })) {
    if (UNKNOWN_TO_IT.includes(event.type)) continue;
    const payload = JSON.stringify(event);
    const signature = stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET });
    const refusal = await sync.processWebhook(payload, signature).then(() => null, (error) => error.message);
    check(event.type, refusal === null, refusal);
  }
  await sync.close();
  console.log(JSON.stringify({ good, all }));
})();
