"""Bad text anywhere is refused or kept, and is never an error of the server.

Walks every admin page, every page of the product and every operation of the OpenAPI document.
"""
