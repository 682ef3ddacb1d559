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
