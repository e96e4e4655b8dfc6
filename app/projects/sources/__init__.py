"""Several systems, one project: pairs that a person decides on, who owns which member, who wrote what last (Art. 3)."""
