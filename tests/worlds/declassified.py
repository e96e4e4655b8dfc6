"""What may differ between the worlds, with the reason. Frozen: a line more is a hole in the wall, argued for."""

# (observer, operation): why it is that person's to know. `*`: everybody walled.
DECLASSIFIED: dict[tuple[str, str], str] = {
    ("w_late", "GET /v1/declarations"): "one's own declaration for the assignment that was one's own until the recusal",
    ("w_late", "GET /v1/declarations/{declaration_id}"): "the same declaration, by its id",
    ("w_late", "GET /v1/me/acts"): "the trace of one's own acts, of which the voided sheet is one (receipt)",
}

# Not compared: the answer is made of chance.
SCRUBBED: dict[str, str] = {}


def allowed(observer: str, operation: str) -> bool:
    return (observer, operation) in DECLASSIFIED


# Policies of which the kit sees nothing, with the reason. Empty: each is red, if need be behind a door of its own.
UNSEEN_POLICIES: dict[str, str] = {}
