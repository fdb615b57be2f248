"""The way to air: vetting of exact bytes, carts for the presenter, what was aired."""
