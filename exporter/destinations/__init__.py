"""What a destination is: answers and verdicts, back-off, packing by its limits, the one module that speaks
HTTP out.

Uses nothing of the product.
"""
