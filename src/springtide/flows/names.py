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
