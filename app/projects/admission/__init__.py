"""The office's admission queue (入库审定, Art. 3): what is new, and what would change a member of the library."""
