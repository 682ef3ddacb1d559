"""What a reader sees for the words the code keeps: roles, states, kinds of actors."""

from springtide.kit.errors import N_

ROLES = {
    "owner": N_("Owner"),
    "operations": N_("Operations"),
    "customer_service": N_("Customer service"),
    "design": N_("Design"),
    "warehouse": N_("Warehouse"),
}

ACTORS = {
    "person": N_("Person"),
    "key": N_("API key"),
    "worker": N_("Worker"),
    "command": N_("Command line"),
}

#: States of anything that has a badge (see ``badge`` in kit.html).
STATUSES = {
    "active": N_("Active"),
    "bounced": N_("Bounced"),
    "cancelled": N_("Cancelled"),
    "closed": N_("Closed"),
    "done": N_("Done"),
    "draft": N_("Draft"),
    "due": N_("Due"),
    "ended": N_("Ended"),
    "failed": N_("Failed"),
    "finished": N_("Finished"),
    "importing": N_("Importing"),
    "late": N_("Late"),
    "live": N_("Live"),
    "new": N_("New"),
    "held": N_("On hold"),
    "open": N_("Open"),
    "opening": N_("Not open yet"),
    "overdue": N_("Overdue"),
    "paid": N_("Paid"),
    "pending": N_("Pending"),
    "planned": N_("Planned"),
    "queued": N_("Queued"),
    "refunded": N_("Refunded"),
    "refused": N_("Refused"),
    "rejected": N_("Rejected"),
    "revoked": N_("Revoked"),
    "running": N_("Running"),
    "scheduled": N_("Scheduled"),
    "sending": N_("Sending"),
    "sent": N_("Sent"),
    "skipped": N_("Skipped"),
    "todo": N_("To do"),
    "undone": N_("Undone"),
    "unpaid": N_("Unpaid"),
    "waiting": N_("Waiting"),
    "warm_up": N_("Warming up"),
    "withdrawn": N_("Withdrawn"),
}

#: What the audit log is about: how its actions begin.
AUDIT_SUBJECTS = {
    "campaign": N_("Campaigns"),
    "task": N_("Tasks"),
    "price": N_("Prices"),
    "rule": N_("Promotion rules"),
    "customer": N_("Customers"),
    "outreach": N_("Outreach"),
    "order": N_("Orders and payments"),
    "catalog": N_("Products"),
    "facts": N_("Imports"),
    "action": N_("Actions of the timeline"),
    "member": N_("Members"),
    "invitation": N_("Invitations"),
    "gift": N_("Gifts by hand"),
    "key": N_("API keys"),
    "shop": N_("Shop"),
    "person": N_("Accounts and log-ins"),
    "access": N_("Refusals"),
}

AUDIT_ACTIONS = {
    "access.refused": N_("Refused: not allowed"),
    "access.api_refused": N_("Refused: calls of the API"),
    "person.create": N_("Account made"),
    "person.log_in": N_("Logged in"),
    "person.log_in_failed": N_("Wrong password, code or passkey"),
    "person.confirm": N_("Confirmed that it is them"),
    "person.confirm_failed": N_("Confirmation refused"),
    "person.log_out": N_("Logged out"),
    "person.end_sessions": N_("Sessions ended"),
    "person.change_password": N_("Password changed"),
    "person.factor_added": N_("Second factor added"),
    "person.factor_removed": N_("Second factor taken off"),
    "person.codes_renewed": N_("New recovery codes made"),
    "person.code_used": N_("Recovery code used"),
    "person.codes_wrong": N_("Right password, ten wrong codes"),
    "shop.second_factor": N_("Second factor asked of everybody, or no longer"),
    "person.recovery_link": N_("Link for a new password made"),
    "person.recover": N_("Password recovered"),
    "person.recover_failed": N_("Link for a new password came too late"),
    "campaign.created": N_("Campaign created"),
    "campaign.edited": N_("Campaign changed"),
    "campaign.heroes_set": N_("Hero products chosen"),
    "campaign.scheduled": N_("Campaign scheduled"),
    "campaign.opened": N_("Sale opened"),
    "campaign.withdrawn": N_("Campaign withdrawn"),
    "action.plan": N_("Action planned"),
    "action.waive": N_("Sale went on without an action"),
    "catalog.upsert_products": N_("Products taken in"),
    "customer.erase": N_("Erasure of a customer asked for"),
    "customer.held": N_("All that is held of a customer taken out"),
    "person.erase": N_("Person of the team erased"),
    "customers.upsert": N_("Customers taken in"),
    "backup.restore": N_("Restored from a backup"),
    "facts.import": N_("File imported"),
    "export.write": N_("Table taken out"),
    "mapping.save": N_("Mapping of columns saved"),
    "mapping.rename": N_("Mapping of columns renamed"),
    "mapping.delete": N_("Mapping of columns deleted"),
    "gift.ask": N_("Gift waits for a second person"),
    "gift.approve": N_("Gift approved"),
    "gift.refuse": N_("Gift refused"),
    "gift.bounds": N_("Bounds of gifts set"),
    "key.create": N_("API key made"),
    "key.rotate": N_("API key renewed"),
    "key.revoke": N_("API key revoked"),
    "invitation.create": N_("Person invited"),
    "invitation.renew": N_("Invitation sent again"),
    "invitation.withdraw": N_("Invitation withdrawn"),
    "invitation.accept": N_("Invitation taken up"),
    "invitation.refused": N_("Invitation refused: over, or of another address"),
    "member.add": N_("Person let in"),
    "member.change": N_("Role changed"),
    "member.remove": N_("Person taken out"),
    "order.close": N_("Order closed"),
    "order.close_unpaid": N_("Unpaid orders closed"),
    "order.pay": N_("Order paid"),
    "order.place": N_("Order placed"),
    "outreach.cancel": N_("Outreach cancelled"),
    "outreach.change": N_("Outreach changed"),
    "outreach.create": N_("Outreach created"),
    "outreach.done": N_("Outreach sent"),
    "outreach.freeze": N_("Outreach fixed for sending"),
    "prices.set": N_("Campaign prices set"),
    "rule.activated": N_("Promotion rule switched on"),
    "rule.deactivated": N_("Promotion rule switched off"),
    "rule.saved": N_("Promotion rule saved"),
    "shop.create": N_("Shop created"),
    "shop.points": N_("Keeper of points set"),
    "shop.set_clock": N_("Shop time set"),
    "task.added": N_("Task added"),
    "task.finished": N_("Task finished"),
    "task.gated": N_("Task set to hold a phase, or no longer"),
    "task.waived": N_("Phase opened without a task"),
    "task.removed": N_("Task removed"),
}

#: An order of the shop's own.
ORDER_STATES = {"placed": N_("Unpaid"), "paid": N_("Paid"), "closed": N_("Closed")}

#: An outreach.
OUTREACH_STATES = {
    "draft": N_("Draft"),
    "frozen": N_("Waiting for its time"),
    "sending": N_("Sending"),
    "done": N_("Sent to all"),
    "cancelled": N_("Cancelled"),
}

#: One message of an outreach.
MESSAGE_STATES = {
    "sent": N_("Sent"),
    "pending": N_("Waiting"),
    "sending": N_("Under way"),
    "failed": N_("Failed"),
    "opted_out": N_("Opted out before it went"),
    "uncertain": N_("Uncertain"),
    "cancelled": N_("Cancelled"),
    "held_out": N_("Control group"),
}

#: A reward, by its window.
REWARD_STATES = {
    "draft": N_("Draft"),
    "scheduled": N_("Opens soon"),
    "live": N_("Open"),
    "ended": N_("Over"),
    "closed": N_("Stopped"),
}

#: What a claim gives.
GRANTED = {
    "coupon": N_("Coupon"),
    "packet": N_("Red packet"),
    "points": N_("Points"),
    "flash": N_("Flash stock"),
    "group": N_("Place in a group"),
    "presale": N_("Presale"),
    "tickets": N_("Draw tickets"),
    "gift": N_("Gift"),
    "free_order": N_("Free order"),
    "nothing": N_("Nothing"),
}

#: A claim.
CLAIM_STATES = {
    "held": N_("Held"),
    "deposited": N_("Deposit paid"),
    "reserved": N_("In an unpaid order"),
    "used": N_("Used"),
    "over": N_("Over"),
}

#: A gift by hand.
GIFT_STATES = {
    "waiting": N_("Waits for a second person"),
    "approved": N_("Given by two persons"),
    "refused": N_("Refused by the second person"),
}

#: A group that buys together.
GROUP_STATES = {"open": N_("Open"), "done": N_("Filled"), "short": N_("Short, paid back")}

#: A transfer of the ledger.
TRANSFER_STATES = {
    "reserved": N_("Reserved"),
    "posted": N_("Posted"),
    "voided": N_("Given back"),
    "expired": N_("Expired"),
}

#: A fact behind a number.
FACT_KINDS = {
    "view": N_("View"),
    "favourite": N_("Favourite"),
    "cart": N_("Cart"),
    "order": N_("Order"),
    "payment": N_("Payment"),
    "refund": N_("Refund"),
}

#: The formats of files.
FORMATS = {
    "generic": N_("Any table with a header"),
    "completejourney": N_("The Complete Journey"),
    "jd": N_("JD orders"),
    "alibaba_1688": N_("1688 orders"),
    "pinduoduo": N_("Pinduoduo orders"),
    "douyin": N_("Douyin orders"),
    "douyin_refunds": N_("Douyin after-sales"),
    "youzan": N_("Youzan orders"),
    "sycm_products": N_("Sycm: product ranking"),
    "sycm_traffic": N_("Sycm: traffic sources"),
    "sycm_trade": N_("Sycm: trade"),
    "sycm_peers": N_("Sycm: own shop and peers"),
    "sycm_campaign": N_("Sycm: campaign report"),
    "new_buyer_discount": N_("Sycm: discount for new buyers"),
    "campaign_entries": N_("Products entered for a campaign"),
    "wanxiangtai": N_("Paid traffic (Wanxiangtai, Zhitongche)"),
    "shopify_orders": N_("Shopify orders (CSV)"),
    "shopify_json": N_("Shopify orders (JSON)"),
    "shopify_customers": N_("Shopify customers"),
    "shopify_products": N_("Shopify products"),
    "woocommerce_orders": N_("WooCommerce orders"),
    "behaviour_log": N_("Behaviour log"),
    "online_retail": N_("Order lines as in Online Retail"),
    "email_test": N_("E-mail test with a control group"),
    "merchant_feed": N_("Google Merchant product feed"),
    "price_watch": N_("Watched prices"),
    "taobao_orders": N_("Taobao/Tmall order report"),
    "taobao_items": N_("Taobao/Tmall item report"),
    "taobao_suborders": N_("Taobao/Tmall sub-order report"),
}
