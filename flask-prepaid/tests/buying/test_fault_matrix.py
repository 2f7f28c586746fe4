"""The fault matrix: what goes wrong with browsers, the network and Stripe, and the tests that hold it."""

from __future__ import annotations

import ast
from pathlib import Path

#: Each fault, and where its tests are: the file below this folder, and the test's name.
FAULTS = {
    "double click": (
        "purchases/test_cards.py::test_a_double_click_on_a_saved_card_charges_once",
        "purchases/test_impatient_browsers.py::test_many_presses_at_once_with_one_form_are_one_charge",
        "purchases/test_impatient_browsers.py::test_many_presses_at_once_lead_to_one_page",
        "purchases/test_checkout.py::test_a_double_click_leads_to_one_page_and_one_payment",
    ),
    "tab closed": (
        "purchases/test_checkout.py::test_a_tab_closed_after_paying_still_gets_its_credits_by_webhook",
    ),
    "back button": (
        "purchases/test_checkout.py::test_the_back_button_after_paying_leads_to_the_paid_purchase",
    ),
    "two tabs": ("purchases/test_checkout.py::test_two_tabs_with_two_baskets_are_two_purchases",),
    "same key, other amount": (
        "purchases/test_checkout.py::test_the_same_form_with_another_choice_is_refused",
    ),
    "client hangs up": (
        "purchases/test_impatient_browsers.py::test_a_browser_that_hangs_up_after_sending_is_charged_and_gets_its_credits",
    ),
    "somebody else's return": ("purchases/test_checkout.py::test_someone_elses_purchase_does_not_exist",),
    "return before paying": (
        "purchases/test_checkout.py::test_coming_back_unpaid_says_so_and_asks_again_by_itself",
    ),
    "refresh": ("purchases/test_checkout.py::test_the_return_page_twenty_times_gives_credits_once",),
    "no script": ("purchases/test_checkout.py::test_a_volume_price_is_made_by_the_server",),
    "refused": (
        "gateway/test_bad_network.py::test_a_refused_connection_is_said_and_the_same_form_pays_later",
    ),
    "blackhole": (
        "purchases/test_cards.py::test_a_charge_without_an_answer_is_not_known_yet_and_the_tick_finds_out",
        "gateway/test_bad_network.py::test_silence_is_not_known_yet_after_the_time_that_is_set",
    ),
    "request cut": (
        "gateway/test_bad_network.py::test_a_request_cut_anywhere_is_charged_once_or_not_at_all",
    ),
    "answer cut": (
        "gateway/test_bad_network.py::test_an_answer_cut_anywhere_or_dropped_is_one_charge_with_its_credits",
    ),
    "answer dropped": (
        "gateway/test_bad_network.py::test_an_answer_cut_anywhere_or_dropped_is_one_charge_with_its_credits",
    ),
    "latency": (
        "gateway/test_bad_network.py::test_a_slow_answer_works_and_a_very_slow_one_is_not_known_yet",
        "gateway/test_bad_network.py::test_while_stripe_is_slow_other_pages_are_not",
    ),
    "throttled": ("gateway/test_bad_network.py::test_the_timeout_is_total_and_not_per_byte",),
    "bad certificate": (
        "gateway/test_bad_network.py::test_nothing_is_sent_to_who_cannot_prove_to_be_stripe",
    ),
    "no such name": (
        "gateway/test_bad_network.py::test_a_name_that_is_not_found_is_as_a_refused_connection",
    ),
    "HTML for an answer": (
        "gateway/test_bad_network.py::test_a_page_in_place_of_an_answer_is_not_known_yet_and_no_success",
    ),
    "500 before work": (
        "payments/test_crash.py::test_an_error_before_or_after_the_work_never_charges_twice",
    ),
    "500 after work": ("payments/test_crash.py::test_an_error_before_or_after_the_work_never_charges_twice",),
    "key in use": ("gateway/test_bad_answers.py::test_a_key_in_use_is_asked_again_and_charges_once",),
    "429": (
        "gateway/test_bad_answers.py::test_a_busy_stripe_is_asked_a_few_times_and_then_the_customer_is_told_when",
    ),
    "down for a day": (
        "gateway/test_bad_answers.py::test_with_stripe_down_for_a_day_spending_works_and_what_waits_is_finished_after",
        "operations/test_reconcile.py::test_when_stripe_is_away_reconcile_says_so_and_claims_nothing",
    ),
    "key pruned": (
        "gateway/test_bad_answers.py::test_after_a_day_a_charge_without_an_answer_is_checked_and_never_sent_again",
    ),
    "decline and challenge": (
        "purchases/test_cards.py::test_a_declined_card_says_so_and_gives_nothing",
        "purchases/test_cards.py::test_a_bank_that_wants_its_customer_is_asked_and_the_same_payment_goes_on",
        "purchases/test_cards.py::test_a_challenge_that_was_left_can_be_taken_up_again",
        "purchases/test_cards.py::test_a_challenge_that_fails_charges_nothing",
        "purchases/test_cards.py::test_a_challenge_that_nobody_answers_is_closed_after_a_day",
        "purchases/test_checkout.py::test_a_declined_card_gives_nothing_and_the_same_page_takes_another_card",
    ),
    "copies": (
        "operations/test_webhooks.py::test_the_same_event_in_eight_workers_at_once_has_one_effect",
        "operations/test_webhooks.py::test_every_door_at_once_gives_the_credits_once",
        "purchases/test_checkout.py::test_the_same_webhook_five_times_gives_credits_once",
        "operations/test_webhooks.py::test_a_hundred_copies_of_an_event_have_one_effect",
    ),
    "orders": (
        "operations/test_orders.py::test_every_order_of_events_ends_in_one_state",
        "operations/test_orders.py::test_a_fetch_that_was_held_back_does_not_overwrite_a_later_one",
        "operations/test_orders.py::test_a_page_fetched_while_it_was_open_does_not_open_an_expired_one_again",
    ),
    "event before our row": (
        "operations/test_webhooks.py::test_a_webhook_before_our_row_knows_its_session_gives_the_credits",
    ),
    "no event": ("purchases/test_checkout.py::test_without_any_webhook_the_tick_finds_the_paid_session",),
    "event never made": (
        "operations/test_reconcile.py::test_with_every_webhook_dropped_one_fix_brings_the_books_to_stripes",
    ),
    "late event": (
        "operations/test_webhooks.py::test_an_event_four_days_late_and_signed_with_the_new_secret_is_taken",
    ),
    "bad signature": (
        "operations/test_webhooks.py::test_a_bad_signature_is_refused",
        "operations/test_webhooks.py::test_a_signature_with_letters_beyond_ascii_is_refused",
        "operations/test_webhooks.py::test_a_signed_body_that_is_no_event_is_refused",
        "operations/test_webhooks.py::test_an_event_with_a_field_that_is_no_word_is_refused",
        "operations/test_webhooks.py::test_a_body_that_is_not_utf_8_is_refused",
        "operations/test_webhooks.py::test_one_changed_byte_is_refused",
        "operations/test_webhooks.py::test_a_timestamp_too_old_or_in_the_future_is_refused",
    ),
    "not for us": (
        "operations/test_webhooks.py::test_what_is_not_for_us_is_counted_and_ignored",
        "operations/test_webhooks.py::test_a_session_of_another_integration_is_none_of_ours",
        "operations/test_webhooks.py::test_an_event_of_an_older_version_only_points_at_what_is_fetched",
    ),
    "another amount": (
        "operations/test_webhooks.py::test_a_session_for_another_amount_needs_review_and_an_operator_is_called",
    ),
    "refund of what is spent": (
        "purchases/test_refunds.py::test_what_was_spent_before_the_refund_becomes_debt",
    ),
    "refunds in parts": (
        "purchases/test_refunds.py::test_partial_refunds_never_take_more_than_came_in_and_the_whole_at_the_end",
    ),
    "refund fails": (
        "purchases/test_refunds.py::test_a_refund_that_fails_later_gives_the_credits_back_once",
    ),
    "dispute": (
        "purchases/test_refunds.py::test_a_dispute_takes_the_credits_and_a_won_one_brings_them_back",
        "purchases/test_refunds.py::test_a_lost_dispute_takes_them_once",
        "purchases/test_refunds.py::test_an_inquiry_takes_nothing",
        "purchases/test_refunds.py::test_a_dispute_lost_after_a_refund_takes_no_more_than_came_in",
    ),
    "renewal": (
        "subscriptions/test_changing.py::test_a_larger_plan_begins_at_once_and_gives_the_difference_for_the_rest",
        "subscriptions/test_failing.py::test_a_failed_renewal_gives_nothing_until_it_is_paid_on_stripes_page",
        "subscriptions/test_failing.py::test_a_retry_that_pays_gives_the_credits",
        "subscriptions/test_failing.py::test_a_period_that_is_paid_late_does_not_end_the_one_that_runs",
        "subscriptions/test_stopping.py::test_canceling_now_pays_nothing_back_and_leaves_the_credits",
    ),
    "deleted in the dashboard": (
        "purchases/test_cards.py::test_a_card_removed_in_stripes_dashboard_disappears_and_does_not_pay",
        "purchases/test_cards.py::test_a_customer_deleted_in_stripes_dashboard_gets_a_new_one",
        "purchases/test_cards.py::test_who_was_deleted_in_the_dashboard_is_offered_no_card_that_is_gone",
    ),
    "fees differ": (
        "reports/test_recount.py::test_made_up_days_are_what_moved_at_stripe_and_what_the_entries_say",
    ),
}


def test_each_fault_of_the_matrix_has_tests_that_are_there() -> None:
    missing = [f"{fault}: {test}" for fault, tests in FAULTS.items() for test in tests if not is_there(test)]

    assert missing == []
    assert all(FAULTS.values())
    assert len(FAULTS) == 43


def is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    tree = ast.parse((Path(__file__).parent / file).read_text())
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body)
