"""How files come in through a browser: uploads, their import, and files that were held back."""
