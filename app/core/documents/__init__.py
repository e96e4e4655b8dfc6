"""Writers of documents that people open in their own programs."""
