"""Log-in with an account elsewhere: Google, Apple, GitHub, and any issuer of OpenID Connect."""
