"""What screens must hear of: events as rows, numbered per station in commit order; the audit chain beside them."""
