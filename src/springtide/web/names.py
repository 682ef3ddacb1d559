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
    "open": N_("Open"),
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
    "order": N_("Orders"),
    "catalog": N_("Products"),
    "import": N_("Imports"),
    "member": N_("People"),
    "key": N_("API keys"),
    "shop": N_("Shop"),
}

AUDIT_ACTIONS = {
    "campaign.created": N_("Campaign created"),
    "campaign.edited": N_("Campaign changed"),
    "campaign.heroes_set": N_("Hero products chosen"),
    "campaign.scheduled": N_("Campaign scheduled"),
    "campaign.withdrawn": N_("Campaign withdrawn"),
    "catalog.upsert_products": N_("Products taken in"),
    "customers.upsert": N_("Customers taken in"),
    "key.create": N_("API key made"),
    "key.revoke": N_("API key revoked"),
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
    "shop.create": N_("Shop created"),
    "shop.set_clock": N_("Shop time set"),
    "task.added": N_("Task added"),
    "task.finished": N_("Task finished"),
    "task.removed": N_("Task removed"),
}
